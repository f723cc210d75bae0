# SPDX-License-Identifier: Apache-2.0
"""counterfoild and counterfoil as services: settings, signals, what the service manager is told, and what is installed."""

import json
import os
import shutil
import signal
import socket
import subprocess

import pytest

from broker_client import Refused, enrol
from counterfoil import Device, make_device, two, wait_until  # noqa: F401
from counterfoild import WAIT, Broker, broker, free_port  # noqa: F401

BUILD = os.environ["CF_BUILD"]
SETTINGS_MAX = 65536


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "counterfoild.conf"

    def write(*lines):
        path.write_text("".join(line + "\n" for line in lines))
        return str(path)

    return write


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """The socket of a service manager: what it is told next."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(WAIT)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield lambda: end.recv(4096).decode()


def said(broker):
    with open(broker.log) as log:
        return log.read()


def reload(broker, words):
    before = len(said(broker))
    broker.process.send_signal(signal.SIGHUP)
    wait_until(lambda: words in said(broker)[before:], words)


def test_settings_come_from_a_file(broker, settings):
    port = free_port()
    path = settings("# for people", "", f"  listen = 127.0.0.1:{port}", f"listen 127.0.0.2:{port}", "advertise\ta.example", "enrol closed")
    line = broker.start("--config", path, listen=f"127.0.0.3:{port}")
    assert line.startswith(f"tcp://a.example:{port}#")
    assert socket.socket().connect_ex(("127.0.0.1", port)) != 0  # the command line goes before it
    assert "--enrol closed" in broker.run("invite", code=6)
    broker.stop()
    broker.process = subprocess.Popen(broker.command("--config", path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert broker.process.stdout.readline() == line + "\n"
    assert all(socket.socket().connect_ex((f"127.0.0.{i}", port)) == 0 for i in (1, 2))


@pytest.mark.parametrize(
    "line, words",
    (
        ("frobnicate 3", "line 2: 'frobnicate' is nothing that is set there"),
        ("help", "'help' is nothing that is set there"),
        ("listen", "line 2: --listen needs a value"),
        ("limit foo=3", "line 2: unknown limit foo"),
        ("limit waste-per-second=1,foo=3", "line 2: unknown limit foo"),
        ("enrol open", "line 2: unknown policy open"),
        ("quota much", "line 2: much is not a size"),
        ("listen udp://127.0.0.1:1", "line 2: --listen: 'udp://127.0.0.1:1': only tcp:// is spoken"),
        ("listen ::1:7900", "line 2: --listen: '::1:7900': an IPv6 address stands in brackets"),
        ("listen 127.0.0.1:70000", "line 2: --listen: 70000 is no port"),
        ("advertise 0.0.0.0", "line 2: --advertise: no device can connect to 0.0.0.0"),
        ("advertise -x", "line 2: --advertise: '-x' is neither an address nor a host name"),
        ("advertise a.example:x", "line 2: --advertise: x is no port"),
        ("advertise 7900", "line 2: --advertise: '7900': a port alone"),
    ),
)
def test_a_wrong_setting_is_named(broker, settings, line, words):
    done = broker.finish("--config", settings("# one", line), "status")
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.parametrize("line, code", (("existing", 3), ("existing 1", 3), ("existing yes", 3), ("existing 0", 0), ("existing no", 0)))
def test_a_flag_is_set_there_as_it_is_in_the_environment(broker, settings, line, code):
    if code:
        assert "no broker in" in broker.run("--config", settings(line), "serve", code=code)
    else:
        assert broker.start("--config", settings(line))


def test_an_empty_directory_name_is_refused(broker):
    broker.data = ""
    assert "--data is given, and names no directory" in broker.run("status", code=2)


def test_a_verb_is_no_directory(broker, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    broker.data = "invite"
    assert "'invite' is a verb" in broker.run(code=2)
    assert not os.path.exists("invite")


def test_a_file_of_settings_has_a_bound(broker, settings):
    path = settings("#" * (SETTINGS_MAX - 1))
    assert os.path.getsize(path) == SETTINGS_MAX
    broker.run("--config", path, "status", code=3)
    with open(path, "a") as file:
        file.write("#")
    assert str(SETTINGS_MAX) in broker.run("--config", path, "status", code=2)
    assert "No such file" in broker.run("--config", path + ".not", "status", code=3)


def test_a_signal_makes_it_read_its_settings_anew(broker, settings, two):
    laptop, _ = two
    broker.stop()
    path = settings("enrol closed")
    broker.start("--config", path, listen="tcp://{}:{}".format(*broker.place[:2]))
    assert "--enrol closed" in broker.run("invite", code=6)
    settings("enrol invitation", "quota 5M")
    reload(broker, "read the settings anew")
    assert "enrol invitation, quota 5.0 MiB, limits: " in said(broker)
    bob = enrol(broker.run("invite").strip())[0].user.hex()
    quotas = {user["user"]: user["quota"] or 0 for user in json.loads(broker.run("--json", "users"))}
    assert quotas.pop(bob) == 5 << 20 and list(quotas.values()) == [0], "who was there keeps what he had"
    invitation = broker.run("invite").strip()
    settings("enrol closed")
    reload(broker, "read the settings anew")
    with pytest.raises(Refused, match="takes no new users"):
        enrol(invitation)
    settings("enrol invitation", "limit connections-per-minute=1", "limit entries-per-minute=1")
    reload(broker, "read the settings anew")
    laptop.add("notes", {"a": b"1"})
    refused = [laptop.finish("sync", "--timeout", "2s") for _ in range(4)]
    assert any(done.returncode != 0 for done in refused)
    settings("enrol invitation", "limit nothing=1")
    reload(broker, "the settings stay as they were")
    assert "unknown limit nothing" in said(broker)
    settings("enrol invitation")
    reload(broker, "read the settings anew")
    wait_until(lambda: laptop.finish("sync").returncode == 0, "the device is let in again")
    assert broker.stop() == 0


def test_a_setting_that_needs_a_restart_is_named_when_it_is_read_anew(broker, settings):
    broker.start("--config", settings("advertise one.example", "enrol closed"))
    reload(broker, "read the settings anew")
    assert "needs a restart" not in said(broker)
    settings("advertise two.example", "enrol invitation", "listen *:7818")  # of the last the command line decides
    reload(broker, "read the settings anew")
    assert "advertise is another in the settings than at the start: that needs a restart" in said(broker)
    assert "listen is another" not in said(broker) and "enrol is" not in said(broker)


def test_tells_its_service_manager_how_it_stands(broker, settings, manager):
    broker.start("--config", settings("enrol closed"))
    assert manager() == "READY=1"
    reload(broker, "read the settings anew")
    reloading = manager().splitlines()
    assert reloading[0] == "RELOADING=1" and reloading[1].startswith("MONOTONIC_USEC=")
    assert manager() == "READY=1"
    broker.stop()
    assert manager() == "STOPPING=1"


def test_a_manager_that_is_gone_is_no_trouble(broker, tmp_path, monkeypatch):
    for path in str(tmp_path / "nowhere"), "@" + "x" * 200, "@":
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        assert broker.start()
        assert broker.stop() == 0


def test_serve_of_a_device_tells_it_too(two, manager, tmp_path):
    laptop, _ = two
    process = subprocess.Popen(laptop.command("serve"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    laptop.processes.append(process)
    assert manager() == "READY=1"
    laptop.stop(process)


def test_a_device_says_that_its_files_are_bounded(broker, tmp_path):
    line = broker.start() and broker.run("invite").strip()
    device = Device(tmp_path, "bounded")
    command = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *device.command("init", line)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 1 and "File too large" in done.stderr


def setting(unit, name):
    [line] = [line for line in unit.splitlines() if line.startswith(name + "=")]
    return line.split("=", 1)[1]


def test_installs_a_unit_that_systemd_takes(tmp_path):
    done = subprocess.run(
        ["cmake", "--install", os.path.join(BUILD, "broker")], env={**os.environ, "DESTDIR": str(tmp_path)}, capture_output=True,
        text=True, timeout=WAIT,
    )
    assert done.returncode == 0, done.stderr
    installed = {path.name: path for path in tmp_path.rglob("*") if path.is_file() and path.name != "counterfoil.conf"}
    unit = installed["counterfoild.service"].read_text()
    program, options = setting(unit, "ExecStart").split(" ", 1)
    assert os.path.exists(str(tmp_path) + program) and "@" not in program
    settings = options.split()[options.split().index("--config") + 1]
    assert os.path.exists(str(tmp_path) + settings) and options.endswith("serve --existing")
    there = subprocess.run(
        [str(tmp_path) + program, "--config", str(tmp_path) + settings, "--data", str(tmp_path / "nothing"), "serve", "--existing"],
        capture_output=True, text=True, timeout=WAIT,
    )
    assert there.returncode == 3 and "no broker in" in there.stderr
    assert int(setting(unit, "LimitNOFILE")) >= 65536  # two of each connection, of thousands of devices
    library = installed["counterfoild.service"].parents[2]
    assert library.name == "lib"
    user, home = setting(unit, "User"), "/var/lib/" + setting(unit, "StateDirectory")
    assert (library / "sysusers.d/counterfoil.conf").read_text().split()[:2] == ["u", user]
    assert (library / "tmpfiles.d/counterfoil.conf").read_text().split()[:5] == ["d", home, "0700", user, user]
    analyze = shutil.which("systemd-analyze")
    if analyze:
        there = tmp_path / "counterfoild.service"
        there.write_text(unit.replace(program, str(tmp_path) + program).replace("User=counterfoil", "User=root"))
        told = subprocess.run([analyze, "verify", "--man=no", there], capture_output=True, text=True, timeout=WAIT)
        assert "counterfoild.service" not in told.stderr, told.stderr
