"""No password comes into a file of a run, onto the terminal, or out of a message."""

import itertools
import json
import logging
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts.postgres import Server, find_programs

from nas.assemble.changed_settings import changed_settings
from nas.cli.log import logging_to
from nas.cli.logged import LoggedError
from nas.cli.main import main
from nas.config.compose import compose_values
from nas.config.recorded import read_mapping, write_config
from nas.config.source import ConfigSource
from nas.errors import ConfigError
from nas.record.environment import collect_environment, read_environment, write_environment
from nas.record.run_folder import RunFolder
from nas.secrets import (
    is_secret_name,
    masked,
    masked_override,
    masked_setting,
    masked_url,
    with_password,
)
from nas.study.database import open_storage, opened
from nas.trial import Failure, FailureKind

PASSWORD = "Qx7rT2vLm9"
# Host and database stay readable, for those who look where a study lies.
URLS = {
    "plain": f"postgresql://me:{PASSWORD}@host:5432/studies",
    "driver": f"postgresql+psycopg://me:{PASSWORD}@host/studies",
    "mysql": f"mysql+pymysql://me:{PASSWORD}@host/studies?charset=utf8mb4",
    "encoded": f"postgresql://me:{PASSWORD}%40%2F%3A@host/studies",
    "at": f"postgresql://me:{PASSWORD}@x@host/studies",
    "colon": f"postgresql://me:x:{PASSWORD}@host/studies",
    "slash": f"postgresql://me:x/{PASSWORD}@host:5432/studies",
    "question": f"postgresql://me:x?{PASSWORD}@host/studies?sslmode=require",
    "hash": f"postgresql://me:x#{PASSWORD}@host/studies",
    "comma": f"postgresql://me:x,{PASSWORD}@host/studies",
    "query": f"postgresql://host/studies?user=me&password={PASSWORD}",
    "query in capitals": f"postgresql://host/studies?PASSWORD={PASSWORD}&user=me",
    "key password": f"postgresql://me@host/studies?sslpassword={PASSWORD}&sslmode=require",
    "both": f"postgresql://me:{PASSWORD}@host/studies?password={PASSWORD}",
    "IPv6": f"postgresql://me:{PASSWORD}@[::1]:5432/host-studies",
    "redis": f"redis://:{PASSWORD}@host:6379/studies",
    "sqlite": f"sqlite:///studies.host.db?password={PASSWORD}",
}
urls = pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
HARMLESS = (
    "sqlite:///studies.db",
    "sqlite:////data/a@b/c:d@e.db?mode=ro",
    "postgresql://me@host/studies",
    "postgresql://host:5432/studies?user=me",
    "postgresql://[::1]:5432/studies",
    "ray://head:10001",
    "10.0.0.1:6379",
    "runs/first",
)


@pytest.fixture(autouse=True)
def launch_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NAS_STORAGE_PASSWORD", raising=False)
    return tmp_path


@pytest.fixture
def words(tmp_path):
    """Overrides that search a table of 16 architectures."""
    rows = [f"{a},{b},{a + b},{100 * (1 + a) * (1 + b)}" for a, b in cells()]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,acc,params", *rows]) + "\n")
    columns = ["table.parameters=[a,b]", "table.quality=acc", "table.size=params"]
    return ["preset=table", "table.path=t.csv", *columns, "stopping.num_trials=4", "ui=none"]


def cells():
    return itertools.product(range(4), repeat=2)


def files_with(folder, text):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return [path.name for path in files if text.encode() in path.read_bytes()]


@urls
def test_a_masked_url_says_all_but_the_password(url):
    told = masked_url(url)

    assert PASSWORD not in told
    assert "host" in told
    assert "studies" in told
    assert "***" in told
    assert masked_url(told) == told


@pytest.mark.parametrize("url", HARMLESS)
def test_what_holds_no_password_stays_as_it_is(url):
    assert masked_url(url) == url


@urls
def test_messages_logs_and_tracebacks_hide_the_password(url):
    assert PASSWORD not in masked(f"no database answers at storage.url={url} (refused)")
    assert PASSWORD not in masked(f"create_engine('{url}', echo=False)")
    assert PASSWORD not in masked(json.dumps({"url": url}))


@pytest.mark.parametrize(
    "text",
    [
        f"connect(user='me', password='{PASSWORD}')",
        f'{{"token": "{PASSWORD}"}}',
        f"HF_TOKEN={PASSWORD} nas search",
        f"Authorization: Bearer {PASSWORD}",
        f"https://{PASSWORD}@github.com/me/nas.git",
        f"https://bucket.example/data.npz?X-Amz-Signature={PASSWORD}&x=1",
        f"password: {PASSWORD}",
    ],
)
def test_what_looks_like_a_secret_is_masked_in_words(text):
    assert PASSWORD not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected token: 'x'",
        "password authentication failed for user 'me'",
        "use_class_token=True num_tokens=4 token=None",
        "PWD=/home/me",
        "trial 3 failed: key=value",
    ],
)
def test_ordinary_words_are_not_masked(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("HF_TOKEN", True),
        ("RAY_AUTH_TOKEN", True),
        ("PGPASSWORD", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("WANDB_API_KEY", True),
        ("sslpassword", True),
        ("PWD", False),
        ("class_token", False),
        ("num_tokens", False),
        ("PGPASSFILE", False),
        ("seed", False),
    ],
)
def test_secrets_are_known_by_their_names(name, is_secret):
    assert is_secret_name(name) is is_secret


def test_a_secret_variable_that_may_be_a_word_leaves_settings_as_they_are(monkeypatch):
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    monkeypatch.setenv("MY_PASSWORD", "accuracy")
    values = {"storage": {"url": "postgresql://postgres@h/a"}, "metrics": ["accuracy"]}

    assert masked_setting(values) == values
    assert masked_override("storage.url=postgresql://postgres@h/a") == (
        "storage.url=postgresql://postgres@h/a"
    )


def test_parameters_of_a_search_space_may_be_called_like_secrets():
    values = {"search_space": {"parameters": {"token": "cls", "pass": {"secret": "x"}}}}

    assert masked_setting(values) == values
    assert masked_override("search_space.token=cls") == "search_space.token=cls"
    assert masked_setting({"data": {"token": PASSWORD}}) == {"data": {"token": "***"}}


def test_the_value_of_a_secret_variable_is_masked_wherever_it_stands(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", PASSWORD)

    assert masked(f"401 for {PASSWORD}.") == "401 for ***."


@pytest.mark.parametrize(
    ("url", "password", "expected"),
    [
        ("postgresql://me:***@h/a", "n@w", "postgresql://me:n%40w@h/a"),
        ("postgresql://me:***@h/a", None, "postgresql://me@h/a"),
        ("postgresql://me@h/a", "new", "postgresql://me:new@h/a"),
        ("postgresql://me:own@h/a", "new", "postgresql://me:own@h/a"),
        ("postgresql://me:a@b/c:d@h/a", None, "postgresql://me:a%40b%2Fc%3Ad@h/a"),
        (
            "postgresql://h/a?user=me&password=***",
            "n&w",
            "postgresql://h/a?user=me&password=n%26w",
        ),
        ("postgresql://h/a?user=me&password=***", None, "postgresql://h/a?user=me"),
        ("postgresql://me:***@h/a?sslpassword=***", "new", "postgresql://me:new@h/a"),
        ("redis://:***@h/0", "new", "redis://:new@h/0"),
        ("sqlite:///a.db", "new", "sqlite:///a.db"),
        ("postgresql://h/a", "new", "postgresql://h/a"),
    ],
)
def test_a_password_comes_back_to_where_it_was_left_out(url, password, expected):
    assert with_password(url, password) == expected


@urls
def test_no_file_of_settings_holds_the_password(tmp_path, words, url):
    override = f"storage.url='{url}'"
    source = ConfigSource(overrides=(*words, override, "name=run", f"execution.address='{url}'"))
    folder = RunFolder.create(tmp_path / "run")

    values = compose_values(ConfigSource(overrides=(*words, override, "name=run"))).values
    write_config(folder, values=values, source=source)
    command = ("nas", "search", *source.overrides, "--token", PASSWORD)
    write_environment(folder.environment_json, collect_environment(command=command))

    assert values["storage"]["url"] == url
    assert files_with(folder.path, PASSWORD) == []
    assert "host" in read_mapping(folder.config_yaml)["storage"]["url"]


@pytest.mark.parametrize(
    "override",
    [
        "storage.url=${oc.env:STUDIES_URL}",
        "storage.url='postgresql://me:${oc.env:STUDIES_PW}@host/studies'",
        "storage.url='${oc.env:STUDIES_URL}?sslmode=require'",
    ],
)
def test_an_environment_variable_is_named_and_not_resolved(tmp_path, monkeypatch, words, override):
    monkeypatch.setenv("STUDIES_URL", URLS["plain"])
    monkeypatch.setenv("STUDIES_PW", PASSWORD)
    source = ConfigSource(overrides=(*words, override, "name=run"))
    folder = RunFolder.create(tmp_path / "run")

    write_config(folder, values=compose_values(source).values, source=source)

    assert files_with(folder.path, PASSWORD) == []
    assert override in read_mapping(folder.overrides_yaml)["overrides"]


@urls
def test_a_failure_of_a_trial_keeps_no_password(url):
    failure = Failure(FailureKind.ERROR, f"ValueError: {url}", f"Traceback\n  {url}\n")

    assert PASSWORD not in failure.message + failure.traceback


def test_the_log_keeps_no_password(tmp_path):
    class Quiet:
        def message(self, text):
            shown.append(text)

    shown = []
    with suppress(LoggedError), logging_to(tmp_path / "log.txt", Quiet()):
        logging.getLogger("nas").warning("no answer from %s", URLS["at"])
        raise RuntimeError(URLS["slash"])

    assert "no answer" in shown[0]
    assert PASSWORD not in shown[0]
    assert files_with(tmp_path, PASSWORD) == []


@pytest.mark.filterwarnings("ignore:Query string argument")  # SQLite has no passwords
@pytest.mark.parametrize("url", [URLS["sqlite"], "sqlite:///studies.db"])
def test_a_whole_search_with_its_report_leaves_no_password(tmp_path, monkeypatch, words, url):
    monkeypatch.setenv("RAY_AUTH_TOKEN", PASSWORD)
    monkeypatch.setenv("HF_TOKEN", PASSWORD)

    search = ["search", *words, "name=run", f"storage.url='{url}'"]
    monkeypatch.setattr(sys, "argv", ["nas", *search])

    statuses = [
        main(search),
        main(["search", "name=run", "resume=true", "stopping.num_trials=6", "ui=none"]),
        main(["report", "run=runs/run"]),
    ]

    assert statuses == [0, 0, 0]
    assert files_with(tmp_path, PASSWORD) == []


def test_a_dead_database_is_told_without_its_password(tmp_path, words, capsys):
    status = main(
        ["search", *words, "name=run", f"storage.url='postgresql://me:{PASSWORD}@@127.0.0.1:1/a'"]
    )

    told = capsys.readouterr()
    assert status == 2
    assert "no database answers at storage.url=postgresql://me:***@127.0.0.1:1/a" in told.err
    assert PASSWORD not in told.out + told.err
    assert files_with(tmp_path, PASSWORD) == []


@pytest.mark.parametrize(
    "url", [f"foo:{PASSWORD}@host", f"postgresql:me:{PASSWORD}@host", f"redis://:{PASSWORD}@h/0"]
)
def test_a_url_of_no_database_is_refused_without_its_password(words, capsys, url):
    status = main(["search", *words, "name=run", f"storage.url='{url}'"])

    told = capsys.readouterr().err
    assert status == 2
    assert "storage.url must be like" in told
    assert PASSWORD not in told


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--cfg", "all"], ["--info", "all"]])
def test_a_shown_configuration_keeps_the_password_back(words, capsys, flags):
    status = main(["search", *words, "name=run", f"storage.url='{URLS['plain']}'", *flags])

    told = capsys.readouterr()
    assert status == 0
    assert PASSWORD not in told.out + told.err


@pytest.mark.filterwarnings("ignore:Query string argument")  # SQLite has no passwords
def test_a_sweep_over_databases_names_its_runs_without_passwords(tmp_path, words):
    swept = f"storage.url='sqlite:///a.db?password={PASSWORD}','sqlite:///b.db'"

    status = main(["search", "--multirun", *words, "name=run", swept])

    assert status == 0
    assert not any(PASSWORD in path.name for path in tmp_path.rglob("*"))


@pytest.mark.filterwarnings("ignore:Query string argument")  # SQLite has no passwords
def test_a_run_of_an_earlier_version_loses_its_password_on_the_page_and_when_it_goes_on(
    tmp_path, monkeypatch, words
):
    search = ["search", *words, "name=run", "storage.url='sqlite:///studies.db'"]
    monkeypatch.setattr(sys, "argv", ["nas", *search])
    main(search)
    folder = RunFolder.open(tmp_path / "runs/run")
    for file in (folder.config_yaml, folder.overrides_yaml, folder.environment_json):
        text = file.read_text()
        assert "sqlite:///studies.db" in text
        file.write_text(text.replace("studies.db", f"studies.db?password={PASSWORD}"))

    main(["report", "run=runs/run"])
    assert "report.html" not in files_with(folder.path, PASSWORD)
    status = main(["search", "name=run", "resume=true", "stopping.num_trials=6", "ui=none"])

    assert status == 0
    assert files_with(folder.path, PASSWORD) == []
    assert "***" in str(read_environment(folder.environment_json)["command"])


@pytest.mark.parametrize("marks", ["{}", "'{}'", '"{}"'], ids=["bare", "single", "double"])
@pytest.mark.parametrize("key", ["storage.url", "+storage.url", "++storage.url"])
def test_an_override_without_its_password_still_composes(words, marks, key):
    given = f"{key}={marks.format(URLS['plain'])}"

    composed = compose_values(ConfigSource(overrides=(*words, masked_override(given), "name=run")))

    assert composed.faults == ()
    assert composed.values["storage"]["url"] == masked_url(URLS["plain"])


def test_a_masked_setting_is_no_change():
    before = {"data": {"path": "x", "token": "***", "url": "https://me:***@host/a"}}
    now = {"data": {"path": "x", "token": PASSWORD, "url": f"https://me:{PASSWORD}@host/a"}}

    assert changed_settings(before, now) == []


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server that asks the user `careful` for a password."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed: apt install postgresql")
    with tempfile.TemporaryDirectory(prefix="nas-postgres-") as folder:
        server = Server(Path(folder), programs)
        engine = sa.create_engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"create role careful login password '{PASSWORD}@/:'"))
            connection.execute(sa.text("create database studies owner careful"))
        engine.dispose()
        rules = Path(folder) / "data" / "pg_hba.conf"
        ask = "host studies careful 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(ask + rules.read_text())
        server.stop()
        server.start()
        yield server
        server.stop()


@pytest.mark.postgres
def test_a_run_in_postgresql_goes_on_with_the_password_of_its_user_and_keeps_none(
    tmp_path, monkeypatch, words, server, capsys
):
    place = f"127.0.0.1:{server.port}/studies"
    resume = ["search", "name=run", "resume=true", "ui=none"]
    url = f"postgresql://careful:{PASSWORD}@/:@{place}"

    assert main(["search", *words, "name=run", f"storage.url='{url}'"]) == 0
    assert files_with(tmp_path, PASSWORD) == []

    assert main([*resume, "stopping.num_trials=5"]) == 2
    told = capsys.readouterr().err
    assert "NAS_STORAGE_PASSWORD" in told
    assert "~/.pgpass" in told
    assert PASSWORD not in told

    assert main([*resume, "stopping.num_trials=6", f"storage.url='{url}'"]) == 0

    monkeypatch.setenv("NAS_STORAGE_PASSWORD", f"{PASSWORD}@/:")
    assert main([*resume, "stopping.num_trials=7"]) == 0
    monkeypatch.delenv("NAS_STORAGE_PASSWORD")

    passes = tmp_path.parent / "pgpass"
    passes.write_text(f"127.0.0.1:{server.port}:studies:careful:{PASSWORD}@/\\:\n")
    passes.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passes))
    assert main([*resume, "stopping.num_trials=8"]) == 0

    # Elsewhere, from the database alone.
    shutil.rmtree(tmp_path / "runs")
    here = f"storage.url='postgresql://careful@{place}'"
    assert main([*resume, "stopping.num_trials=9", here]) == 0
    assert main(["report", "run=runs/run"]) == 0
    assert files_with(tmp_path, PASSWORD) == []
    with opened(f"postgresql://careful@{place}") as storage, storage.engine.connect() as found:
        notes = found.execute(sa.text("select value_json from study_system_attributes"))
        assert not any(PASSWORD in value for (value,) in notes)


@pytest.mark.postgres
def test_a_wrong_password_is_told_with_where_it_is_looked_for(server):
    url = f"postgresql://careful:{PASSWORD}x@127.0.0.1:{server.port}/studies"

    with pytest.raises(ConfigError, match=r"refuses the login .* NAS_STORAGE_PASSWORD") as told:
        open_storage(url)

    assert PASSWORD not in str(told.value)
