"""A plugin as its author makes it: outside the tree, from what `meson install` has put there and nothing else."""
import json
import os
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import BUILD, SOURCE, until
from reloading import DropIn, wait_version

NAMES = ["example_feed", "example_sink"]


def call(*command, **environment):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                            env={**os.environ, **environment})
    assert result.returncode == 0, f"{command}: {result.stdout[-3000:]}{result.stderr[-3000:]}"
    return result.stdout


def install(folder):
    """Returns the prefix. Stripped, as packages are: what is installed is sealed after that."""
    call("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--strip", DESTDIR=str(folder))
    (program,) = folder.glob("**/bin/feedloom")
    return program.parent.parent


def build(prefix, folder, version):
    """Returns the folder of the plugins."""
    (description,) = prefix.glob("**/feedloom.pc")
    shutil.copytree(SOURCE / "plugins" / "example", folder)
    call("meson", "setup", folder / "build", folder, f"-Dplugin_version={version}",
         PKG_CONFIG_PATH=str(description.parent))
    call("ninja", "-C", folder / "build")
    seen = json.loads((folder / "build" / "compile_commands.json").read_text())
    assert seen and not any(f"{SOURCE}/" in entry["command"] for entry in seen)
    return folder / "build"


class Receiver:
    """Who the example sink posts to."""

    def __init__(self):
        self.bodies, receiver = [], self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def records(self):
        return [record for body in list(self.bodies) for record in body["records"]]

    def more(self):
        before = len(self.records())
        until(lambda: len(self.records()) > before + 1, "index prices go on")


def test_the_example_is_built_outside_and_dropped_into_the_installed_daemon(world):
    prefix = install(world.folder / "installed")
    listed = call(prefix / "bin" / "feedloom", "plugins", "-d", world.folder).splitlines()
    assert len(listed) >= 6 and all(line.split()[3] == "sealed" for line in listed), listed
    with ThreadPoolExecutor() as both:
        builds = list(both.map(lambda v: build(prefix, world.folder / f"author-{v}", v), ["1.0", "1.1"]))
    for name in NAMES:
        symbols = call("nm", "-D", "--defined-only", builds[0] / f"{name}.so").split()
        assert [s for s in symbols if "feedloom" in s or s.startswith("fl_")] == ["feedloom_plugin"]

    simulator, receiver, drop_in = world.simulator(), Receiver(), DropIn(world.folder / "plugins")
    drop_in.source = lambda name, turn: builds[turn] / f"{name}.so"
    daemon = world.daemon(simulator)
    daemon.configure({
        "journal": {"dir": "journal"}, "plugins": {"dir": str(drop_in.folder), "require_seal": True},
        "services": {"control": {"listen": f"127.0.0.1:{daemon.port}"}}})
    daemon.program = prefix / "bin" / "feedloom"
    daemon.start()
    until(lambda: daemon.ask("GET", "/livez").status == 200, "the installed daemon runs")
    (control,) = daemon.ask("GET", "/v1/plugins").json["plugins"]
    assert control["path"].startswith(str(prefix)) and control["sealed"]
    # The configuration names them before they are there: they start when their files come.
    daemon.configure({**daemon.config, "feeds": {"prices": {"plugin": "example_feed", "url": simulator.url()}},
                      "sinks": {"hook": {"plugin": "example_sink", "url": f"http://127.0.0.1:{receiver.port}/x"}}})
    until(lambda: daemon.status()["config"]["state"] == "invalid", "there are no such plugins yet")
    for name in NAMES:
        drop_in.put(name, 0)
    until(lambda: len(receiver.records()) > 1, "index prices arrive")
    assert {record["name"] for record in receiver.records()} <= {"btc_usd", "eth_usd"}
    assert all(record["kind"] == "index" and record["price"] > 0 for record in receiver.records())
    connections = simulator.connections()
    for name in NAMES:
        drop_in.put(name, 1)
        row = wait_version(daemon, name, "1.1")
        assert row["sealed"] and row["path"] == str(drop_in.path(name)), row
    receiver.more()
    assert simulator.connections() == connections, "a connection was closed"
    daemon.stop()
    info = call(daemon.program, "journal", "info", "-c", daemon.config_file, "-d", daemon.folder)
    published = int(re.search(r"^ *index +(\d+)", info, re.MULTILINE)[1])
    assert len(receiver.records()) == published, info  # each, and each once
