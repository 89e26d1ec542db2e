"""The daemon as a service: what it tells the service manager, SIGHUP, the drop-in folder, whose user it is."""
import os
import pwd
import shutil
import signal
import socket
from pathlib import Path

import pytest

from harness import BUILD, until


class Manager:
    """The socket of a service manager."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.told = []

    def hears(self, message):
        while True:
            try:
                self.told += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return message in self.told


def test_the_service_manager_hears_of_start_reload_and_stop(world, folder):
    manager = Manager(folder)
    daemon = world.daemon(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"})
    daemon.start()
    until(lambda: manager.hears("READY=1"), "READY=1")
    until(lambda: manager.hears("WATCHDOG=1"), "WATCHDOG=1")
    daemon.signal(signal.SIGHUP)
    until(lambda: manager.hears("RELOADING=1"), "RELOADING=1")
    daemon.stop()
    assert manager.hears("STOPPING=1")
    assert manager.told.index("READY=1") < manager.told.index("RELOADING=1") < manager.told.index("STOPPING=1")


def test_sighup_takes_a_good_configuration_and_refuses_a_bad_one(world):
    simulator = world.simulator()
    daemon = world.daemon(simulator)
    daemon.start()
    daemon.wait_connected()
    connections = simulator.connections()

    daemon.config["sinks"]["store"]["retention"] = {"tickers": "2d"}
    daemon.configure(daemon.config)
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.lines(["store", "reconfigured without interruption"]), "the live option is taken")

    daemon.config["feeds"]["deribit"]["curencies"] = ["BTC"]
    daemon.configure(daemon.config)
    daemon.signal(signal.SIGHUP)
    status = daemon.wait_status(lambda s: s["config"]["state"] == "invalid", "the mistake is in the status")
    assert 'did you mean "currencies"' in status["config"]["error"]
    assert simulator.connections() == connections, "nothing was touched"

    del daemon.config["feeds"]["deribit"]["curencies"]
    daemon.config["feeds"]["deribit"]["currencies"] = ["BTC"]
    daemon.configure(daemon.config)
    daemon.signal(signal.SIGHUP)
    daemon.wait_connected(instruments=728)
    assert daemon.status()["config"] == {"state": "ok", "error": None}
    until(lambda: daemon.sql("SELECT count(*) FROM stream_gaps WHERE cause = 'reconfigured' AND ended_us"
                             " IS NOT NULL") == [(1,)], "the time of the feed's restart is a gap")
    daemon.stop()


def test_a_plugin_in_the_drop_in_folder_comes_before_the_one_that_was_built(world, folder):
    drop_in = folder / "drop-in"
    drop_in.mkdir()
    shutil.copy(BUILD / "plugins" / "control" / "control.so", drop_in / "watchtower.so")
    shutil.copy(BUILD / "plugins" / "deribit" / "deribit.so", drop_in / "deribit.so")
    daemon = world.daemon(plugins={"dir": str(drop_in)})
    daemon.config["services"] = {"watchtower": daemon.config["services"]["control"]}
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: daemon.ask("GET", "/livez").status == 200, "the plugin serves")
    assert daemon.lines(["watchtower", str(drop_in / "watchtower.so")])
    assert daemon.lines(["deribit", str(drop_in / "deribit.so")])
    # The running code is a copy: the file may be overwritten in place.
    for name in ("watchtower.so", "deribit.so"):
        with open(drop_in / name, "r+b") as file:
            file.write(os.urandom(4096))
    assert daemon.ask("GET", "/v1/plugins").status == 200
    daemon.stop()


def test_it_becomes_another_user(world, folder):
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    nobody = pwd.getpwnam("nobody")
    home = folder / "nobodys"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    folder.chmod(0o755)
    daemon = world.daemon()
    daemon.config["journal"]["dir"] = str(home / "journal")
    daemon.config["sinks"]["store"]["path"] = str(home / "feedloom.db")
    daemon.configure(daemon.config)
    daemon.arguments = ["--user", "nobody"]
    daemon.start()
    until(lambda: daemon.ask("GET", "/livez").status == 200, "it runs")
    status = Path(f"/proc/{daemon.popen.pid}/status").read_text()
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert uids == [str(nobody.pw_uid)] * 4
    assert "NoNewPrivs:\t1" in status
    daemon.stop()
