"""A paid list (缴费名单): cells in, rows out."""

from dataclasses import dataclass
from datetime import date

from accounts.imports import Cells, digits_of, remembered, text_of
from accounts.sheets.cells import calendar_date, id_number_text, money_fen, person_name
from accounts.sheets.headers import Column, Columns, Record
from subsidies.identity import BadIdNumber, parse_id_number

COLUMNS = Columns(
    required=(
        Column("姓名", ("名字", "人员姓名", "参保人姓名", "缴费人姓名", "参保人")),
        Column(
            "身份证号", ("身份证号码", "公民身份号码", "身份证", "证件号码", "证件号", "公民身份证号码", "居民身份证号")
        ),
        Column("缴费日期", ("缴费时间", "到账日期", "入库日期", "入库时间", "支付时间", "交费日期", "缴纳日期")),
        Column("金额", ("缴费金额", "实缴金额", "个人缴费金额", "交费金额", "实交额", "缴费额", "个人缴费", "实缴额")),
    ),
    optional=(
        Column("凭证号", ("凭证号码", "小票号", "订单号", "电子订单号", "流水号", "票号", "税票号码")),
        Column("缴费渠道", ("渠道", "缴费方式", "支付方式", "交费方式")),
    ),
)


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment as the list names it; amount in fen."""

    name: str
    number: str
    paid_on: date
    fen: int
    slip: str
    channel: str


PAID_ON, AMOUNT = remembered(calendar_date), remembered(money_fen)
SLIP, CHANNEL = digits_of(60), remembered(text_of(30))


def read_payment(record: Record, *, today: date) -> PaymentRow:
    """One payment of the list. Raises BadRow."""
    cells = Cells(record)
    name = cells.take("姓名", person_name, "")
    if not name and not cells.faults:
        cells.fault("姓名", "没有填写姓名。")
    row = PaymentRow(
        name=name,
        number=_number(cells, today),
        paid_on=cells.take("缴费日期", PAID_ON, today),
        fen=cells.take("金额", AMOUNT, 0),
        slip=cells.take("凭证号", SLIP, ""),
        channel=cells.take("缴费渠道", CHANNEL, ""),
    )
    if row.paid_on > today:
        cells.fault("缴费日期", f"缴费日期{row.paid_on}还没有到，请核对。")
    cells.check()
    return row


def _number(cells: Cells, today: date) -> str:
    faults = len(cells.faults)
    number = cells.take("身份证号", id_number_text, "")
    if len(cells.faults) > faults:
        return ""
    if not number:
        cells.fault("身份证号", "没有填写身份证号。")
    elif number[0].isdigit():
        try:
            return parse_id_number(number, today=today).number
        except BadIdNumber as bad:
            cells.fault("身份证号", f"{bad}。")
    return number
