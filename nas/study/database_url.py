"""How does a storage.url become one to log in by? With its driver, and the password it lacks.

Run folders keep no passwords. One that is missing comes from the environment variable
`NAS_STORAGE_PASSWORD`; PostgreSQL's library looks into `PGPASSWORD` and `~/.pgpass` besides, that
of MySQL and MariaDB nowhere else.
"""

import importlib.util
import os

from nas.secrets import remember_secrets_of, with_password

PASSWORD_VARIABLE = "NAS_STORAGE_PASSWORD"


def login_url(url: str) -> str:
    """Return the URL with a driver that is installed, and with the password where we know it."""
    complete = with_password(url, os.environ.get(PASSWORD_VARIABLE))
    remember_secrets_of(complete)
    return _with_driver(complete)


def is_login_fault(cause: str) -> bool:
    """Say whether a database answered and refused the user."""
    words = cause.lower()
    return any(word in words for word in ("password", "authentication", "access denied"))


def password_advice(url: str) -> str:
    """Say where a password is looked for; none is kept in a run folder."""
    places = [f"set the environment variable {PASSWORD_VARIABLE}"]
    if url.startswith("postgresql"):
        places.append("write host:port:database:user:password into ~/.pgpass (chmod 600)")
    places.append("give storage.url with it")
    return "run folders keep no passwords: " + ", or ".join(places)


def _with_driver(url: str) -> str:
    """Return the URL with the driver that `nas[database]` installs, where it names none."""
    for scheme, package, driver in (
        ("postgresql", "psycopg2", "psycopg"),
        ("mysql", "MySQLdb", "pymysql"),
    ):
        if url.startswith(f"{scheme}://") and importlib.util.find_spec(package) is None:
            return url.replace(scheme, f"{scheme}+{driver}", 1)
    return url
