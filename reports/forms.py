from datetime import date

from django import forms
from django.utils.timezone import localdate

# A browser takes no other writing of a day, whatever the language.
DAY = forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class DayForm(forms.Form):
    """截至: any day up to today."""

    on = forms.DateField(label="截至", required=False, widget=DAY)

    def clean_on(self) -> date:
        """The day asked for; today when none is named."""
        on: date | None = self.cleaned_data["on"]
        if on and on > localdate():
            raise forms.ValidationError("这一天还没有到，请选今天或更早的日期。")
        return on or localdate()
