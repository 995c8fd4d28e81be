"""The demo's people at work. Their passwords are printed everywhere, so they exist in the demo alone."""

from typing import NamedTuple

from villages.models import Role


class Account(NamedTuple):
    """`unit` is the place of the clerk's village in the town, None for the others."""

    role: Role
    username: str
    full_name: str
    unit: int | None = None
    office: str = ""

    @property
    def password(self) -> str:
        return f"yanshi-{self.username}"


ACCOUNTS = (
    Account(Role.CLERK, "cun01a", "柳叶青", unit=0),
    Account(Role.CLERK, "cun01b", "禾秀田", unit=0),
    Account(Role.CLERK, "cun02a", "杨树青", unit=1),
    Account(Role.CLERK, "cun02b", "穗满仓", unit=1),
    Account(Role.TOWNSHIP, "zhen1", "梁满春"),
    Account(Role.TOWNSHIP, "zhen2", "苗新雨"),
    Account(Role.HEALTH, "weisheng", "安立康"),
    Account(Role.BUREAU, "minzheng", "桑有余", office="民政办"),
    Account(Role.DISTRICT, "qu", "田督成"),
    Account(Role.SYSADMIN, "xitong", "管维序"),
    Account(Role.AUDITOR, "shenji", "秤平和"),
)
