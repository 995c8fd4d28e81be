"""The embedded PostgreSQL: started by whoever needs it, ended after its last user, unhurt by any kill."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from config.embedded import programs
from config.embedded.home import CHECKOUT, OFFICE_NAME, ROOT_PLACES, HomeRefused, this_place
from config.embedded.locks import is_locked

PATIENCE = 60  # seconds; a busy machine is not a fault
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root has to hand the server to another user")

# What any manage.py command does with the database: each line it hears is one connection and one statement.
COMMAND = """
import json, sys
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "config.embedded", **json.loads(sys.argv[1])}})
django.setup()
from django.db import connection
for line in sys.stdin:
    try:
        with connection.cursor() as cursor:
            cursor.execute(line)
            answer = [list(row) for row in cursor.fetchall()] if cursor.description else []
    except Exception as error:
        answer = {"error": str(error)}
    connection.close()
    print(json.dumps(answer, default=str), flush=True)
"""


class Command:
    """A process that uses the embedded server of a home."""

    def __init__(self, home, *, name=OFFICE_NAME, role="", python=sys.executable, **options):
        self.home = home
        environment = {**os.environ, "CANBAO_HOME": str(home), **options.pop("env", {})}
        self.process = subprocess.Popen(
            [python, "-c", COMMAND, json.dumps({"NAME": name, "OPTIONS": {"assume_role": role} if role else {}})],
            cwd=CHECKOUT, env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options,
        )  # fmt: skip

    def say(self, sql):
        self.process.stdin.write(f"{sql}\n")

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, sql):
        self.say(sql)
        return self.hear()

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.communicate()


class Home:
    """A home of its own, and what runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.commands = []

    @property
    def place(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CANBAO_HOME", str(self.folder))
            return this_place()

    def command(self, **options):
        self.commands.append(Command(self.folder, **options))
        return self.commands[-1]

    def postmaster(self):
        return psutil.Process(int((self.place.data / "postmaster.pid").read_text().split()[0]))

    def keeper(self):
        keeper = self.postmaster().parent()
        assert "config.embedded.keeper" in keeper.cmdline()
        return keeper

    def has_ended(self):
        return not is_locked(self.place.server_lock)

    def close(self):
        for command in self.commands:
            command.kill()
        # It would end by itself a little later.
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            self.keeper().terminate()
        wait_until(self.has_ended)
        shutil.rmtree(self.place.folder)


def has_died(process):
    """Whether the process has ended, even where nobody has asked for its last word yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """One home for all the stories that may begin with any server, a dead one included."""
    home = Home(tmp_path_factory.mktemp("office"))
    yield home
    home.close()


@pytest.fixture
def new_home(tmp_path):
    """Makes homes where nothing has ever run."""
    homes = []

    def make(name="home"):
        homes.append(Home(tmp_path / name))
        return homes[-1]

    yield make
    for home in homes:
        home.close()


def test_the_first_command_finds_an_empty_office_and_the_next_one_the_same_server(office):
    first = office.command().ask("SELECT current_database(), current_user, pg_postmaster_start_time()")
    second = office.command().ask("SELECT current_database(), current_user, pg_postmaster_start_time()")

    assert first == second == [["canbao", "canbao", first[0][2]]]


def test_an_office_is_there_before_the_role_that_will_work_in_it(new_home):
    home = new_home()

    assert home.command(role="canbao_web").ask("SELECT 1") == {"error": 'role "canbao_web" does not exist\n'}
    assert home.command().ask("SELECT current_database()") == [["canbao"]]


def test_the_demo_is_a_database_of_its_own(office):
    assert office.command(name="canbao_demo").ask("SELECT current_database()") == [["canbao_demo"]]


def test_another_database_is_not_created_by_asking_for_it(office):
    assert "does not exist" in office.command(name="cambao").ask("SELECT 1")["error"]


def test_the_server_keeps_what_it_acknowledges_and_listens_to_this_machine_alone(office):
    asked = ["fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses", "server_encoding"]
    columns = ", ".join(f"current_setting('{name}')" for name in asked)

    assert office.command().ask(f"SELECT {columns}") == [["on", "on", "on", "on", "", "UTF8"]]


def test_the_owner_may_make_databases_and_roles_and_nothing_beyond(office):
    rights = office.command().ask(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = current_user"
    )

    assert rights == [[False, True, True, False]]


def test_nobody_enters_without_the_password_that_only_the_owner_may_read(office):
    office.command().ask("SELECT 1")
    place = office.place

    for user in ("canbao", "canbao_admin"):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host=place.host, port=5432, user=user, password="guess", dbname="postgres")
    assert stat.S_IMODE(place.password.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((office.folder / "pg").stat().st_mode) == 0o700


def test_what_a_statement_complains_about_stays_out_of_the_log(office):
    number = "430102199001011234"
    command = office.command()
    command.ask("CREATE TABLE IF NOT EXISTS number (it text PRIMARY KEY)")

    for _ in range(2):
        command.ask(f"INSERT INTO number VALUES ('{number}')")
    assert number in command.ask(f"SELECT CAST('{number}x' AS integer)")["error"]

    assert number not in office.place.log.read_text()


def test_a_killed_keeper_takes_its_server_along_and_the_next_connection_starts_another(office):
    command = office.command()
    command.ask("CREATE TABLE IF NOT EXISTS kept (word text)")
    command.ask("INSERT INTO kept VALUES ('keeper')")
    keeper, postmaster = office.keeper(), office.postmaster()

    keeper.kill()

    # The kernel's word takes a moment; a question asked meanwhile is rightly told that the server is going down.
    wait_until(lambda: has_died(postmaster))
    assert command.ask("SELECT count(*) > 0 FROM kept WHERE word = 'keeper'") == [[True]]


def test_a_killed_postmaster_is_replaced_by_the_next_connection(office):
    command = office.command()
    command.ask("CREATE TABLE IF NOT EXISTS kept (word text)")
    command.ask("INSERT INTO kept VALUES ('postmaster')")
    keeper = office.keeper()

    office.postmaster().kill()

    assert command.ask("SELECT count(*) > 0 FROM kept WHERE word = 'postmaster'") == [[True]]
    wait_until(lambda: has_died(keeper))


def test_a_killed_backend_costs_its_own_statement_only(office):
    victim, command = office.command(), office.command()
    sleepers = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    victim.say("SELECT pg_sleep(60)")
    wait_until(lambda: command.ask(sleepers))
    keeper = office.keeper()

    [[backend]] = command.ask(sleepers)
    psutil.Process(backend).kill()

    assert "error" in victim.hear()
    assert command.ask("SELECT 1") == [[1]]
    assert office.keeper() == keeper


def test_a_long_statement_that_outlives_its_server_does_not_keep_the_next_one_waiting(office):
    victim, command = office.command(), office.command()
    command.ask("SELECT 1")
    victim.say("SELECT count(*) FROM generate_series(1, 2000000000)")
    wait_until(lambda: command.ask("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == [[2]])
    postmaster = office.postmaster()

    for process in (office.keeper(), postmaster):
        process.kill()

    assert command.ask("SELECT 1") == [[1]]
    assert has_died(postmaster)


def test_a_polite_end_of_the_keeper_is_no_end_for_its_users(office):
    command = office.command()
    command.ask("SELECT 1")

    office.keeper().terminate()

    assert command.ask("SELECT 1") == [[1]]


def test_after_a_power_cut_the_number_of_the_old_server_may_be_anybodys(office):
    command = office.command()
    command.ask("SELECT 1")
    keeper, postmaster = office.keeper(), office.postmaster()
    everybody = [keeper, postmaster, *postmaster.children()]
    for process in everybody:
        process.suspend()
    for process in everybody:
        process.kill()
    wait_until(office.has_ended)
    lock_file = office.place.data / "postmaster.pid"

    lock_file.write_text(lock_file.read_text().replace(str(postmaster.pid), str(os.getpid()), 1))

    assert command.ask("SELECT 1") == [[1]]
    assert office.postmaster().pid != os.getpid()


def test_the_server_ends_with_its_last_user_even_a_killed_one(new_home):
    home = new_home()
    first, last = home.command(), home.command()
    first.ask("SELECT 1")
    last.ask("SELECT 1")
    keeper, postmaster = home.keeper(), home.postmaster()

    first.end()
    time.sleep(3)
    assert not has_died(postmaster)
    last.kill()

    wait_until(home.has_ended)
    wait_until(lambda: has_died(keeper))
    assert has_died(postmaster)
    assert "database system is shut down" in home.place.log.read_text()


def test_eight_commands_at_once_start_one_server(new_home):
    home = new_home()
    commands = [home.command() for _ in range(8)]

    for command in commands:
        command.say("SELECT pg_postmaster_start_time()")
    answers = [command.hear() for command in commands]

    assert answers == [answers[0]] * 8
    assert "error" not in answers[0]
    assert home.place.log.read_text().count("ready to accept connections") == 1


def test_a_cluster_half_made_is_never_found(new_home):
    home = new_home()
    command = home.command()
    command.say("SELECT 1")
    wait_until(lambda: list(home.place.folder.glob("cluster-new-*/data/base")))
    [keeper] = [
        process
        for process in psutil.process_iter()
        if "config.embedded.keeper" in safely(process.cmdline)
        and safely(process.environ).get("CANBAO_HOME") == str(home.folder)
    ]

    keeper.kill()
    command.kill()

    assert home.command().ask("SELECT 1") == [[1]]
    assert not list(home.place.folder.glob("cluster-new-*"))


def safely(question):
    """What a process says of itself, nothing where it is gone."""
    try:
        return question()
    except psutil.Error:
        return {}


def test_two_homes_side_by_side_do_not_meet(new_home):
    one, other = new_home("one").command(), new_home("other").command()

    one.ask("CREATE TABLE only_here ()")

    assert other.ask("SELECT to_regclass('only_here')") == [[None]]
    assert one.ask("SELECT to_regclass('only_here')") == [["only_here"]]


def test_a_copied_home_is_another_office_and_a_moved_one_the_same(tmp_path, monkeypatch):
    def identity(folder):
        monkeypatch.setenv("CANBAO_HOME", str(folder))
        identities.add(this_place().id)
        return this_place().id

    identities = set()
    original = identity(tmp_path / "original")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    copy = identity(tmp_path / "copy")
    (tmp_path / "original").rename(tmp_path / "moved")
    moved = identity(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "disk")
    shutil.rmtree(tmp_path / "moved")
    moved_to_another_disk = identity(tmp_path / "disk")
    if IS_ROOT:
        for each in identities:
            shutil.rmtree(ROOT_PLACES / each)

    assert copy != original
    assert moved == moved_to_another_disk == original


@as_root
def test_root_hands_the_server_to_a_user_without_rights_even_in_a_closed_folder(new_home, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = programs.program("postgres").stat()
    home = new_home("closed/home")

    assert home.command().ask("SELECT 1") == [[1]]

    assert home.postmaster().username() == "nobody"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    after = programs.program("postgres").stat()
    assert (after.st_mode, after.st_uid) == (wheel.st_mode, wheel.st_uid)


@as_root
def test_a_new_wheel_replaces_the_programs_that_root_copied(new_home, monkeypatch):
    home = new_home()
    old = programs.server_programs(home.place)

    monkeypatch.setattr(programs, "fingerprint", lambda: "newer")
    new = programs.server_programs(home.place)

    assert new != old
    assert (new / "postgres").exists()
    assert not old.exists()


@pytest.mark.parametrize(
    ("mode", "copied"), [(0o600, 0o644), (0o700, 0o755), (0o744, 0o755), (0o755, 0o755), (0o644, 0o644)]
)
def test_programs_that_not_everybody_may_read_are_copied_and_stay_as_they_were(tmp_path, mode, copied):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("program")
    source.chmod(mode)

    programs.link_or_copy(str(source), str(target))

    assert stat.S_IMODE(source.stat().st_mode) == mode
    assert stat.S_IMODE(target.stat().st_mode) == copied
    assert target.samefile(source) == (mode == copied)


@as_root
def test_a_home_of_another_user_is_refused_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("CANBAO_HOME", str(tmp_path))
    (tmp_path / "pg").mkdir()
    shutil.chown(tmp_path / "pg", "nobody")

    with pytest.raises(HomeRefused, match="属于用户 nobody"):
        this_place()


@as_root
def test_without_root_everything_lies_in_the_home(tmp_path_factory):
    python = reachable_python()
    folder = Path("/var/tmp") / f"canbao-{os.getpid()}"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, "nobody")
    options = {"user": "nobody", "extra_groups": [], "env": {"PYTHONPATH": str(programs.site_packages())}}
    command = Command(folder, python=python, **options)
    try:
        assert command.ask("SELECT current_database()") == [["canbao"]]
        postmaster = psutil.Process(int((folder / "pg/cluster/data/postmaster.pid").read_text().split()[0]))
        assert postmaster.username() == postmaster.parent().username() == "nobody"
        postmaster.parent().terminate()
        wait_until(lambda: has_died(postmaster))
    finally:
        command.kill()
        shutil.rmtree(folder)


def reachable_python():
    """A Python of this version that the user without rights can run here."""
    code = "import django, psycopg2, config.embedded.server"
    environment = {"PYTHONPATH": f"{CHECKOUT}:{programs.site_packages()}"}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run([python, "-c", code], env=environment, check=True, user="nobody", extra_groups=[], cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("nobody cannot reach this checkout or a Python")
