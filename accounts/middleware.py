from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.audit import acting


def name_the_actor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Tell the database who acts before the view runs, and take it back afterwards."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return get_response(request)
        with acting(user.get_username()):
            return get_response(request)

    return middleware
