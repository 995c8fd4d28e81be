"""What a file is, told from its bytes and never from its name, and what is refused before any parser sees it."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from accounts.sheets.limits import MEGABYTE, Limits, UnreadableSheet

Kind = Literal["xlsx", "ods", "xls", "csv"]

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
SAVE_AS = "请用 WPS 或 Excel 打开后另存为 .xlsx 再导入"
FOREIGN_MAGIC = (
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"BM", "图片"),
    (b"RIFF", "图片或影音"),
    (b"II*\x00", "图片"),
    (b"MM\x00*", "图片"),
    (b"%PDF", "PDF 文件"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"{\\rtf", "文字文稿"),
)
SHEET_SUFFIXES = frozenset({".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".et"})
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!|\?|html|head|body|table|meta|script)", re.IGNORECASE)


def kind_of(path: Path) -> Kind:
    """Which reader takes the file; raises UnreadableSheet for what is no sheet at all."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise UnreadableSheet("文件是空的（0 字节），请重新导出后再导入。")
    if head.startswith(OLE_MAGIC):
        return "xls"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return kind_of_zip(path)
    refuse_foreign(head, path.suffix.lower())
    return "csv"


def refuse_foreign(head: bytes, suffix: str) -> None:
    for magic, noun in FOREIGN_MAGIC:
        if head.startswith(magic) and (b"\x00" in head or not magic.isalpha()):
            raise UnreadableSheet(f"这是{noun}，不是表格，请导入 .xlsx、.xls、.ods 或 .csv 文件。")
    if not head.strip(b"\x00"):
        raise UnreadableSheet("文件里全是空字节，多半没有下载或拷贝完整，请重新取得这个文件。")
    if MARKUP.match(head):
        raise UnreadableSheet(f"这是网页（HTML 或 XML）文件，不是真正的表格，{SAVE_AS}。")
    if suffix in SHEET_SUFFIXES:
        raise UnreadableSheet(f"文件名以 {suffix} 结尾，内容却不是表格，可能是改了名的文本或损坏了，{SAVE_AS}。")


def kind_of_zip(path: Path) -> Kind:
    with open_zip(path) as archive:
        names = {name.lower() for name in archive.namelist()}
    if any(name.endswith(".iwa") for name in names):
        raise UnreadableSheet("这是苹果 Numbers 表格，请在 Numbers 里导出为 Excel（.xlsx）后再导入。")
    if "xl/workbook.bin" in names:
        raise UnreadableSheet(f"这是 .xlsb 二进制表格，{SAVE_AS}。")
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise UnreadableSheet("这是文字文稿或演示文稿，不是表格，请把表格复制到 Excel 里存为 .xlsx 再导入。")
    if "content.xml" in names:
        return "ods"
    if "[content_types].xml" in names:
        return "xlsx"
    raise UnreadableSheet("这是压缩包，不是表格，请解压后导入里面的表格文件。")


def open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        raise broken() from None


def broken() -> UnreadableSheet:
    return UnreadableSheet(f"文件损坏或不完整，打不开；{SAVE_AS}，或重新取得这个文件。")


def refuse_bomb(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Refuse by the directory of the archive alone what would unpack to too much."""
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if len(members) > limits.members or len(set(archive.namelist())) < len(members):
        raise UnreadableSheet(f"文件内部的部件过多或重名，{SAVE_AS}。")
    if unpacked > limits.unpacked_bytes:
        raise UnreadableSheet(
            f"文件展开后有 {unpacked // MEGABYTE} MB，超过 {limits.unpacked_bytes // MEGABYTE} MB 的上限，"
            "请删去多余的工作表、图片和空行，或分成几个文件导入。"
        )
    for member in members:
        packed_too_well = member.file_size > limits.ratio * max(member.compress_size, 1)
        if packed_too_well and member.file_size > limits.ratio_free_bytes:
            raise UnreadableSheet("文件压缩得异常（像是压缩炸弹），没有打开；请删去大片空白行列后另存再导入。")


def refuse_dangerous(archive: zipfile.ZipFile, kind: Kind) -> None:
    """Refuse macros, links to other workbooks, encryption and document types."""
    names = [name.lower() for name in archive.namelist()]
    if any("vbaproject" in name or "macrosheets/" in name or name.startswith(("basic/", "scripts/")) for name in names):
        raise UnreadableSheet("文件里带有宏，为安全起见不导入；请另存为不带宏的 .xlsx（去掉宏）后再导入。")
    if any("externallinks/" in name for name in names):
        raise UnreadableSheet(LINKED)
    if any(member.flag_bits & 1 for member in archive.infolist()):
        raise UnreadableSheet(ENCRYPTED)
    if kind == "ods" and b"encryption-data" in read_member(archive, "META-INF/manifest.xml"):
        raise UnreadableSheet(ENCRYPTED)
    for member in archive.infolist():
        if member.filename.lower().endswith((".xml", ".rels", ".vml", ".rdf")):
            refuse_document_type(archive, member)


ENCRYPTED = "文件设有打开密码，读不了；请用 WPS 或 Excel 打开，去掉密码后另存再导入。"
LINKED = "文件里有指向其他表格的外部链接，为安全起见不导入；请把公式“选择性粘贴”为数值、断开链接后另存再导入。"
MACROS_XLS = "文件里带有宏，为安全起见不导入；请另存为 .xlsx（不带宏）后再导入。"
DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)")
DOCUMENT_TYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def refuse_document_type(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    tail = b""
    for chunk in chunks(archive, member):
        if not tail:
            refuse_encoding(chunk[:400])
        if DOCUMENT_TYPE.search(tail + chunk):
            raise UnreadableSheet(f"文件里有文档类型声明（DOCTYPE），正常的表格没有，为安全起见不导入；{SAVE_AS}。")
        tail = chunk[-16:]


def refuse_encoding(head: bytes) -> None:
    """A part in another encoding would hide its declarations from the search for them."""
    declared = DECLARED.search(head)
    if b"\x00" in head or head.startswith((b"\xfe\xff", b"\xff\xfe")):
        raise UnreadableSheet(f"文件内部的编码不是 UTF-8，{SAVE_AS}。")
    if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        raise UnreadableSheet(f"文件内部的编码不是 UTF-8，{SAVE_AS}。")


def chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as file:
        while chunk := file.read(MEGABYTE):
            yield chunk


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a part, b"" when there is none of that name."""
    return archive.read(name) if name in archive.namelist() else b""
