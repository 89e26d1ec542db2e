"""Hostile clients on the control port while records stream: every one is refused or hung up on, memory stays
bounded, others are still served, and in the end ledger and store agree to the last message.
"""
import re
import socket
import time
from contextlib import ExitStack

import pytest

from compare import compare
from harness import PATIENCE, SANITIZED, SHORT, exchange, until

RATE = 500 if SHORT else 2000
MEMORY_KIB = 64 * 1024
CROWD = 600 if SHORT else 2500
STOP = b"POST /v1/streaming/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def pair(module_world):
    simulator = module_world.simulator(message_rate=RATE)
    daemon = module_world.daemon(simulator).start()
    daemon.wait_connected()
    return simulator, daemon


@pytest.fixture
def daemon(pair):
    """Before and after each attack it is connected by the same connections, and serves."""
    simulator, daemon = pair
    before = simulator.connections()
    yield daemon
    assert daemon.is_running(), f"the daemon died: {daemon.popen.returncode}"
    until(lambda: daemon.ask("GET", "/livez").status == 200, "it serves", 30)
    assert daemon.feed()["state"] == "connected"
    assert simulator.connections() == before, "the streams were touched"


def connect(daemon):
    peer = socket.create_connection(("127.0.0.1", daemon.port), timeout=30 * PATIENCE)
    return peer


def drain(peer):
    """What comes until the end, however it ends."""
    received = b""
    try:
        while piece := peer.recv(65536):
            received += piece
    except OSError:
        pass
    return received


def answers(text):
    """The status of each answer."""
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", text)


def send_until_refused(peer, piece, limit):
    """Bytes that were taken before the other side hung up."""
    sent = 0
    try:
        while sent < limit:
            sent += peer.send(piece)
    except OSError:
        pass
    return sent


# ---- requests that two readers would read differently ----

SMUGGLED = {
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "the same length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": b"Content-Length: +2\r\n\r\n{}",
    "a negative length": b"Content-Length: -1\r\n\r\n{}",
    "a hexadecimal length": b"Content-Length: 0x2\r\n\r\n{}",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "an empty length": b"Content-Length:\r\n\r\n{}",
    "a coding that is none": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked is not the last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding in two lines": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"X: one\r\n two\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": b"Content-Length : 0\r\n\r\n",
    "line feeds alone": b"Content-Length: 0\n\n",
    "a carriage return alone": b"X: one\rContent-Length: 0\r\n\r\n",
    "a zero byte": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a name with a space": b"X Y: 1\r\nContent-Length: 0\r\n\r\n",
    "a line without a colon": b"nothing\r\nContent-Length: 0\r\n\r\n",
    "a chunk size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk that goes on": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}more\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_smuggled_request_is_refused_with_what_follows(daemon, name):
    """The first is refused and the connection ends, so that what hides behind it is never read as a request."""
    text = exchange(daemon.port, b"POST /v1/feeds/deribit/subscribe HTTP/1.1\r\n" + HOST + SMUGGLED[name] + STOP)
    assert answers(text) in ([], [b"400"], [b"413"], [b"501"]), text


@pytest.mark.parametrize("line", [b"GET /livez HTTP/0.9", b"GET /livez HTTP/2.0", b"PRI * HTTP/2.0",
                                  b"GET /livez\tHTTP/1.1", b"GET /livez HTTP/1.1 more", b"get /livez HTTP/1.1",
                                  b"CONNECT evil.example:443 HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_first_line_that_is_none_is_refused(daemon, line):
    text = exchange(daemon.port, line + b"\r\n" + HOST + b"Content-Length: 0\r\n\r\n" + STOP)
    assert len(answers(text)) <= 1 and all(status[:1] in b"45" for status in answers(text)), text


@pytest.mark.parametrize("lines", [b"Host: evil.example\r\n", b"", HOST + HOST, b"Host: \r\n", b"Host: localhost.evil.example\r\n",
                                   b"Host: localhost:99999\r\n", b"Host: localhost@evil.example\r\n",
                                   HOST + b"Origin: http://evil.example\r\n", HOST + b"Origin: null\r\n",
                                   HOST + b"Origin: http://localhost.evil.example\r\n"])
def test_a_foreign_page_changes_nothing(daemon, lines):
    text = exchange(daemon.port, b"POST /v1/streaming/stop HTTP/1.1\r\n" + lines + b"Content-Length: 0\r\n"
                    b"Connection: close\r\n\r\n")
    assert text.split(b" ")[1] in (b"400", b"403", b"421"), text


# ---- too much ----

def test_bodies_without_end(daemon):
    begin = b"POST /v1/streaming/start HTTP/1.1\r\n" + HOST
    with connect(daemon) as peer:
        peer.sendall(begin + b"Content-Length: 10000000000\r\n\r\n")
        assert drain(peer).split(b" ")[1] == b"413"  # before a byte of it
    with connect(daemon) as peer:
        peer.sendall(begin + b"Transfer-Encoding: chunked\r\n\r\n")
        taken = send_until_refused(peer, b"10000\r\n" + b" " * 0x10000 + b"\r\n", 64 << 20)
        assert taken < 32 << 20, f"{taken} bytes of one body were taken"
    with connect(daemon) as peer:
        peer.sendall(begin + b"Transfer-Encoding: chunked\r\n\r\n1;")
        taken = send_until_refused(peer, b"x" * 65536, 64 << 20)
        assert taken < 32 << 20, f"{taken} bytes of a chunk's extension were taken"


def test_heads_without_end(daemon):
    for piece in (b"x" * 65536, b"X: y\r\n" * 10000, b"\r\n" * 30000):
        with connect(daemon) as peer:
            peer.sendall(b"" if piece.startswith(b"\r") else b"GET /livez HTTP/1.1\r\n")
            taken = send_until_refused(peer, piece, 64 << 20)
            assert taken < 32 << 20, f"{taken} bytes of one head were taken: {piece[:10]}"


def test_a_flood_of_requests_whose_answers_nobody_reads(daemon):
    request = b"GET /v1/instruments?limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"
    with ExitStack() as stack:
        peers = [stack.enter_context(connect(daemon)) for _ in range(4 if SHORT else 16)]
        for peer in peers:
            peer.settimeout(0.2)
            send_until_refused(peer, request * 1000, 100 << 20)
        until(lambda: daemon.ask("GET", "/livez").status == 200, "others are served meanwhile", 10)
        daemon.wait_status(lambda s: s["sinks"][0]["lag_seconds"] < 5, "the store keeps up")


def test_a_flood_of_requests_is_answered_in_order(daemon):
    count = 500 if SHORT else 5000
    request = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with connect(daemon) as peer:
        peer.settimeout(60 * PATIENCE)
        received, sent = b"", 0
        out = request * count + last
        peer.setblocking(False)
        deadline = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < deadline:
            try:
                if sent < len(out):
                    sent += peer.send(out[sent:sent + 65536])
            except BlockingIOError:
                pass
            try:
                piece = peer.recv(1 << 20)
                if not piece:
                    break
                received += piece
            except BlockingIOError:
                time.sleep(0.002)
        assert answers(received) == [b"200"] * count + [b"404"]


# ---- too many, too slow ----

def test_a_crowd_is_told_or_hung_up_on_and_leaves_room_again(daemon):
    with ExitStack() as stack:
        peers = []
        for _ in range(CROWD):
            try:
                peers.append(stack.enter_context(connect(daemon)))
            except OSError:
                break
        told = hung_up = waiting = 0
        for peer in peers:
            peer.settimeout(0.001)
            try:
                text = peer.recv(100)
                told += text.startswith(b"HTTP/1.1 503")
                hung_up += text == b""
            except TimeoutError:
                waiting += 1
            except OSError:
                hung_up += 1
        assert waiting <= 300, f"{waiting} of {len(peers)} are held"
        assert told + hung_up >= len(peers) - 300
    until(lambda: daemon.ask("GET", "/livez").status == 200, "there is room again", 30)


def test_slow_requests_are_cut_off_and_others_served(daemon):
    begin = b"GET /livez HTTP/1.1\r\nHost: local"
    with ExitStack() as stack:
        peers = [stack.enter_context(connect(daemon)) for _ in range(100)]
        for peer in peers:
            peer.sendall(begin)
        begun, alive = time.monotonic(), set(peers)
        while alive and time.monotonic() - begun < 60 * PATIENCE:
            assert daemon.ask("GET", "/livez").status == 200
            for peer in list(alive):
                peer.settimeout(0.001)
                try:
                    peer.send(b"x")  # one byte a second
                    if peer.recv(1000):
                        alive.discard(peer)
                except TimeoutError:
                    pass
                except OSError:
                    alive.discard(peer)
            time.sleep(0.5)
        assert not alive, f"{len(alive)} are still let drip after {time.monotonic() - begun:.0f} s"


def test_torn_and_reset_connections(daemon):
    for length in range(1, len(STOP) - 1, 3):
        peer = connect(daemon)
        peer.sendall(STOP[:length])
        if length % 2 == 0:  # a reset rather than an end
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()


# ---- afterwards ----

def test_memory_was_bounded_and_nothing_was_lost(pair):
    simulator, daemon = pair
    most = max(daemon.rss_kib)
    print(f"resident at most {most} KiB in {len(daemon.rss_kib)} samples")
    if not SANITIZED:
        assert most < MEMORY_KIB, daemon.rss_kib
    assert simulator.quiesce()["lost_rows"] == 0
    daemon.wait_drained()
    daemon.stop(60)
    simulator.stop(60)
    verdict = compare(simulator.ledger, daemon.store)
    print(verdict)
    verdict.check()
    assert daemon.sql("SELECT count(*) FROM stream_gaps") == [(0,)]
    assert verdict.counts["messages"] > 1000
