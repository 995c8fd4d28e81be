from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from accounts.models import User
from reports.forms import DayForm
from reports.policy import percent_text
from reports.queries import progress
from villages.models import Posting, Quota, Role, Township, Village

SEES_PROGRESS = (Role.CLERK, Role.TOWNSHIP, Role.HEALTH, Role.DISTRICT, Role.AUDITOR)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where each role lands: the progress of the latest year, or a word on why there is nothing to see."""
    user = request.user
    assert isinstance(user, User)
    if not Posting.objects.of(user).filter(role__in=SEES_PROGRESS).exists():
        return render(request, "reports/nothing_here.html")
    year = Quota.objects.for_user(user).order_by("-year").values_list("year", flat=True).first()
    return redirect("progress", year) if year else render(request, "reports/no_year.html")


@require_safe
def progress_page(request: HttpRequest, year: int) -> HttpResponse:
    """各村参保进度 as of a day; everyone sees the villages of their postings, with their rank among all."""
    user = request.user
    assert isinstance(user, User)
    own = Village.objects.for_user(user).select_related("township")
    if not Posting.objects.of(user).filter(role__in=SEES_PROGRESS).exists() or not own:
        raise Http404
    form = DayForm(request.GET if "on" in request.GET else {"on": localdate()})
    on = form.cleaned_data["on"] if form.is_valid() else localdate()
    years = Quota.objects.for_user(user).order_by("-year").values_list("year", flat=True).distinct()
    sheets = [_sheet(township, list(own), year, on) for township in _townships(list(own))]
    return render(
        request, "reports/progress.html", {"form": form, "on": on, "year": year, "years": years, "sheets": sheets}
    )


@dataclass(frozen=True)
class Sheet:
    """One township's table, as far as the reader may see it; `total` only for who sees every village."""

    township: Township
    villages: list[dict[str, Any]]
    total: dict[str, Any] | None


def _townships(own: list[Village]) -> list[Township]:
    return list({village.township_id: village.township for village in own}.values())


def _sheet(township: Township, own: list[Village], year: int, on: date) -> Sheet:
    told = progress(township=township, year=year, on=on)
    codes = {village.code for village in own if village.township_id == township.pk}
    rows = [_shown(line) for line in told["villages"] if line["code"] in codes]
    is_whole = len(rows) == len(told["villages"])
    return Sheet(township, rows, _shown(told["total"]) if is_whole else None)


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    """The line with its rates in per cent, cut, and how many are missing to 95%; no target says so."""
    quota, paid = line["quota"], line["paid"]
    missing = max(-(-quota * 95 // 100) - paid, 0) if quota else None
    band = "" if not quota else ("good" if paid >= quota else "near" if missing == 0 else "low")
    covered = line["covered_rate"] and percent_text(int(line["covered_rate"].replace(".", "")), 10_000)
    percent = percent_text(paid, quota) if quota else None
    return {**line, "percent": percent, "covered": covered, "missing": missing, "band": band}
