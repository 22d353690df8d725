"""What must not be written down? Passwords in URLs, and what is named a password, token or key.

`masked` is for texts that people and files get: messages, logs, tracebacks. `masked_url` and
`masked_setting` are for settings, of which everything else must stay as it is.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
# Shorter ones would blot out ordinary words.
_SHORTEST = 4
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*://"
_SECRET_NAME = (
    r"(?:[A-Za-z0-9_\-.]*(?:password|passwd|passphrase|secret|token|credentials?"
    r"|(?:api|access|secret|account|auth|private)[_\-]?key)"
    r"|(?:[A-Za-z0-9]+[_\-.])*(?:pwd|pass|signature|sig))"
)
# Names that only look so: the working folder, how many tokens, the class token of a network.
_IS_NO_SECRET = re.compile(
    r"PWD|(?i:(?:\w+[_.])?(?:num|class|cls|pad|mask|max|reg|dist|use)_?\w*)"
)
_URL = re.compile(rf"(?P<url>{_SCHEME}[^\s<>\"'`]+)")
_QUERY_SECRET = re.compile(rf"(?i)(?P<name>(?<![\w\-.]){_SECRET_NAME})=(?P<value>[^&\s\"']*)")
_QUERY = re.compile(r"\?(?=[\w.\-]+=)")
_HOST_AND_PORT = re.compile(r"[^:/@?]*(?::\d+)?(?:[/?].*)?", re.DOTALL)
_SPOKEN = re.compile(
    rf"(?i)(?P<name>(?<![\w\-.]){_SECRET_NAME})(?P<between>[\"']\s*:\s*|\s*=\s*|:\s+)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;&\"'(){}\[\]]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/\-]{8,}=*")
_OWN_WORDS = "search_space"
_PLAIN_VALUES = ("None", "True", "False", "null", "true", "false", MASK)
_HOLE = re.compile(r"\$\{[^{}]*\}")  # an interpolation of OmegaConf
_TO_ENCODE = re.compile(r"[@:/?#\[\]\s]")


class _Parts(NamedTuple):
    scheme: str
    user: str
    password: str | None
    rest: str  # host, port, path, query


_known: set[str] = set()


def remember_secret(secret: str | None) -> None:
    """Mask this text too from now on, wherever this process writes words."""
    if secret and len(secret) >= _SHORTEST and secret != MASK:
        _known.update((secret, unquote(secret), quote(secret, safe=""), quote_plus(secret)))


def remember_secrets_of(url: str) -> None:
    """Remember the passwords of a URL."""
    parts = _split(url)
    if parts is None:
        return
    remember_secret(parts.password)
    for found in _QUERY_SECRET.finditer(parts.rest):
        remember_secret(found["value"])


def masked_url(url: str) -> str:
    """Return a URL without its passwords; the rest, user and host too, stays.

    >>> masked_url("postgresql://me:p@ss/w:rd@host:5432/studies?sslmode=require&password=x")
    'postgresql://me:***@host:5432/studies?sslmode=require&password=***'
    >>> masked_url("postgresql://me@host/studies"), masked_url("sqlite:///a.db")
    ('postgresql://me@host/studies', 'sqlite:///a.db')
    """
    parts = _split(url)
    if parts is None:
        return url
    rest = _QUERY_SECRET.sub(lambda found: f"{found['name']}={MASK}", parts.rest)
    login = f"{parts.user}@" if parts.user else ""
    if login and parts.scheme.lower() in ("http://", "https://"):
        login = f"{MASK}@"  # a token stands there more often than a name
    if parts.password is not None:
        hidden = parts.password if _HOLE.fullmatch(parts.password) else MASK
        login = f"{parts.user}:{hidden}@"
    return f"{parts.scheme}{login}{rest}"


def with_password(url: str, password: str | None) -> str:
    """Return a URL to log in by: a password in the place of a mask or of none.

    A password that stands there stays, and what it should have had encoded is encoded. Without a
    password for it the mask goes: PostgreSQL's library then looks into `~/.pgpass`.

    >>> with_password("postgresql://me:***@host/a?password=***", None)
    'postgresql://me@host/a'
    >>> with_password("postgresql://me@host/a", "p@ss")
    'postgresql://me:p%40ss@host/a'
    """
    parts = _split(url)
    if parts is None:
        return url
    address, _, query = parts.rest.partition("?")
    items = [_filled(item, password) for item in query.split("&")]
    is_in_query = any(item != old for item, old in zip(items, query.split("&"), strict=True))
    kept = [item for item in items if item and not item.endswith(f"={MASK}")]
    rest = address + (f"?{'&'.join(kept)}" if kept else "")
    login = parts.user
    if parts.password is not None and parts.password != MASK:
        login += f":{_TO_ENCODE.sub(lambda found: quote(found[0], safe=''), parts.password)}"
    elif password is not None and (parts.user or parts.password) and not is_in_query:
        login += f":{quote(password, safe='')}"
    return f"{parts.scheme}{login}{'@' if login else ''}{rest}"


def _filled(item: str, password: str | None) -> str:
    name, _, value = item.partition("=")
    if value != MASK or password is None or name.lower() not in ("password", "passwd", "pwd"):
        return item
    return f"{name}={quote(password, safe='')}"


def _split(url: str) -> _Parts | None:
    """Take a URL apart, also one whose password should have been encoded and was not."""
    found = re.match(_SCHEME, url)
    if found is None:
        return None
    scheme, body = found[0], url[found.end() :]
    marks = list(_QUERY.finditer(body))
    head = body[: marks[-1].start()] if marks else body
    at = head.rfind("@")
    if at < 0 and not _HOST_AND_PORT.fullmatch(head):
        at = body.rfind("@")
    if at < 0:
        return _Parts(scheme, "", None, body)
    user, colon, password = _parted(body[:at])
    if "/" in user or "?" in user:  # an @ in a path
        return _Parts(scheme, "", None, body)
    return _Parts(scheme, user, password if colon else None, body[at + 1 :])


def _parted(login: str) -> tuple[str, str, str]:
    """Part user and password at the first colon that is not within an interpolation."""
    holes = [found.span() for found in _HOLE.finditer(login)]
    for found in re.finditer(":", login):
        if not any(begin <= found.start() < end for begin, end in holes):
            return login[: found.start()], ":", login[found.end() :]
    return login, "", ""


def is_secret_name(name: str) -> bool:
    """Say whether what is called so is kept to oneself.

    >>> is_secret_name("HF_TOKEN"), is_secret_name("num_tokens"), is_secret_name("class_token")
    (True, False, False)
    """
    return bool(re.fullmatch(rf"(?i){_SECRET_NAME}", name)) and not _IS_NO_SECRET.fullmatch(name)


def masked(text: str) -> str:
    """Return words without the secrets in them.

    Masked are passwords in URLs, what follows the name of a secret (`password=`, `"token": `),
    passwords that this process was given, and the values of secret environment variables.
    """
    text = masked_by_shape(text)
    for secret in sorted(_known | _of_environment(), key=len, reverse=True):
        if secret in text:
            text = _alone(secret).sub(MASK, text)
    return text


def masked_by_shape(text: str) -> str:
    """Return words without what looks like a secret, whether this process knows it or not."""
    text = _URL.sub(lambda found: masked_url(found["url"]), text)
    text = _SPOKEN.sub(_masked_value, text)
    return _BEARER.sub(lambda found: f"{found[1]} {MASK}", text)


def _masked_value(found: re.Match[str]) -> str:
    is_plain = found["value"].strip("\"'") in _PLAIN_VALUES
    is_prose = found["between"][0] == ":" and not found["name"].lower().endswith("password")
    if is_plain or is_prose or not is_secret_name(found["name"]):
        return found[0]
    return f"{found['name']}{found['between']}{MASK}"


def _of_environment() -> set[str]:
    return {
        value
        for name, value in os.environ.items()
        if len(value) >= 2 * _SHORTEST and is_secret_name(name)
    }


def masked_setting(value: Any, *, name: str = "") -> Any:
    """Return plain values of a configuration without secrets: in URLs, and by their names.

    Of a search space only URLs: what its parameters are called is its own affair.
    """
    if isinstance(value, Mapping):
        return {
            key: masked_setting(item, name=_OWN_WORDS if _OWN_WORDS in (key, name) else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_setting(item, name=name) for item in value]
    if not isinstance(value, str):
        return value
    return MASK if is_secret_name(name) and value else _without_environment(masked_url(value))


def remember_secrets_in(values: Any, *, name: str = "") -> None:
    """Remember the secrets among plain values that `masked_setting` would mask."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            inner = _OWN_WORDS if _OWN_WORDS in (key, name) else str(key)
            remember_secrets_in(value, name=inner)
    elif isinstance(values, list | tuple):
        for value in values:
            remember_secrets_in(value, name=name)
    elif isinstance(values, str):
        remember_secrets_of(values)
        if is_secret_name(name):
            remember_secret(values)


def is_masked(value: str) -> bool:
    """Say whether a setting has a mask in the place of a secret: all of it, or in its URL.

    >>> is_masked("***"), is_masked("s3://me:***@host/a"), is_masked("resnet***")
    (True, True, False)
    """
    return value == MASK or (MASK in value and re.match(_SCHEME, value) is not None)


def remember_secrets_of_words(words: Sequence[str]) -> None:
    """Remember the passwords of a command line."""
    for word in words:
        begin = re.search(_SCHEME, word)
        if begin is not None:
            remember_secrets_of(word[begin.start() :].rstrip("'\"]}"))


def masked_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without secrets; `--token X` and `key=value` alike."""
    told: list[str] = []
    for word in words:
        is_value = bool(told) and told[-1].startswith("--") and is_secret_name(told[-1].strip("-"))
        told.append(MASK if is_value else masked_override(word))
    return tuple(told)


def masked_override(text: str) -> str:
    """Return an override without secrets; an interpolation names a secret and is none.

    >>> masked_override("storage.url='postgresql://me:secret@host/a'")
    "storage.url='postgresql://me:***@host/a'"
    >>> masked_override("storage.url=postgresql://me:${oc.env:PW}@host/a")
    'storage.url=postgresql://me:${oc.env:PW}@host/a'
    """
    key, equals, value = text.partition("=")
    if not equals:
        return masked_url(text)
    path = key.lstrip("+~")
    if is_secret_name(path.rpartition(".")[2]) and not path.startswith(f"{_OWN_WORDS}."):
        return text if _is_interpolation(value) else f"{key}={MASK}"
    begin = re.search(_SCHEME, value)
    if begin is None:
        return f"{key}={_without_environment(value)}"
    before, url = value[: begin.start()], value[begin.start() :]
    bare = url.rstrip("'\"]}") if before else url
    told = f"{key}={before}{masked_url(bare)}{url[len(bare) :]}"
    return _without_environment(told)


def _is_interpolation(value: str) -> bool:
    return bool(_HOLE.fullmatch(value.strip("'\"")))


def _without_environment(text: str) -> str:
    """Return a setting without values of secret variables; those that may be words stay."""
    for secret in filter(_is_no_word, _of_environment()):
        text = _alone(secret).sub(MASK, text)
    return text


def _is_no_word(secret: str) -> bool:
    return any(map(str.isdigit, secret)) and any(map(str.isalpha, secret))


def _alone(secret: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])")
