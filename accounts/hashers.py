from django.contrib.auth.hashers import Argon2PasswordHasher


class OfficeArgon2Hasher(Argon2PasswordHasher):
    """argon2id at OWASP's second setting (m = 19 MiB, t = 2, p = 1): an office's PC bears a hundred logins at once."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
