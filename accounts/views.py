from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actions import BadCode, turn_code_into_password
from accounts.forms import CodeForm, LoginForm


class Login(LoginView):
    """Who it is; anybody may ask."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


@sensitive_post_parameters()
@login_not_required
def use_code(request: HttpRequest) -> HttpResponse:
    """The owner of an account turns the one-time code into a password; anybody who holds a code."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            turn_code_into_password(username=given["username"], code=given["code"], password=given["password"])
        except BadCode as no:
            form.add_error("code", str(no))
        except ValidationError as no:
            form.add_error("password", no)
        else:
            messages.success(request, "密码已设好，请登录。")
            return redirect("login")
    return render(request, "accounts/use_code.html", {"form": form})
