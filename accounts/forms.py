from django import forms
from django.contrib.auth.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Name and password; the same sentence whether the name or the password is wrong."""

    error_messages = {
        "invalid_login": "用户名或密码不对，请重新输入。",
        "inactive": "用户名或密码不对，请重新输入。",
    }


class CodeForm(forms.Form):
    """The owner of an account turns their one-time code into a password of their own."""

    username = forms.CharField(label="用户名", max_length=40, widget=forms.TextInput({"autocomplete": "username"}))
    code = forms.CharField(label="一次性口令", max_length=20, widget=forms.TextInput({"autocomplete": "one-time-code"}))
    password = forms.CharField(
        label="新密码",
        max_length=128,
        help_text="至少8位，不要用常见密码，不要与用户名相近。",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label="再输一次新密码", max_length=128, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, object]:
        """The password was typed twice alike."""
        given = super().clean() or {}
        if given.get("password") != given.get("repeated"):
            self.add_error("repeated", "两次输入的密码不一样。")
        return given
