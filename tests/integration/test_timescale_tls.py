"""sink_timescale over TLS with `sslmode=verify-full`: who may be the server, and what is said of who may not."""
import json
import shutil

import pytest

import harness
import postgres
from harness import until
from timescale import PgRun

TLS = harness.SOURCE / "tests" / "fixtures" / "tls"


def certificate(server, name):
    """What the server shows from now on: its key must be its own alone, so they are copies."""
    for file, kind in ((f"{name}.pem", "cert"), (f"{name}-key.pem", "key")):
        copy = server.folder / f"{kind}.pem"
        shutil.copyfile(TLS / file, copy)
        copy.chmod(0o600)
        shutil.chown(copy, *[server.folder.owner()] * 2)


@pytest.fixture(scope="module")
def server():
    """Takes sessions over TLS only, and shows a certificate for localhost and its addresses."""
    made = postgres.Postgres(timescaledb=False)
    made.settings.update({"ssl": "on", "ssl_cert_file": str(made.folder / "cert.pem"),
                          "ssl_key_file": str(made.folder / "key.pem")})
    certificate(made, "server")
    try:
        yield made.start()
    finally:
        made.remove()


@pytest.fixture
def database(server):
    server.create()
    yield server
    server.drop()


def url_of(server, host, ca="ca.pem", **more):
    parts = {"host": host, "port": server.port, "user": "postgres", "dbname": "feedloom", "sslmode": "verify-full",
             "sslrootcert": TLS / ca, **more}
    return " ".join(f"{name}={value}" for name, value in parts.items())


@pytest.fixture
def check(folder):
    config = folder / "check.yaml"

    def connect(url):
        config.write_text(json.dumps({"sinks": {"store": {"plugin": "sink_timescale", "url": url}}}))
        done = harness.run("check", "--connect", "-c", config, "-d", folder)
        return done.returncode, done.stdout + done.stderr
    return connect


def test_the_server_must_be_who_it_is_asked_for(database, check):
    def passes(url):
        code, words = check(url)
        assert code == 0 and "every table and column is there" in words, words

    def is_refused(url, *reasons):
        code, words = check(url)
        assert code == 69 and all(reason in words for reason in reasons), words
    passes(url_of(database, "localhost"))  # looked up by us; the name is what is verified
    passes(url_of(database, "127.0.0.1"))
    passes(url_of(database, "localhost", hostaddr="127.0.0.1"))
    # The name that is asked for decides, whatever address it leads to.
    is_refused(url_of(database, "db.example", hostaddr="127.0.0.1"), "db.example",
               'server certificate for "localhost" (and 2 other names) does not match host name')
    is_refused(url_of(database, "localhost", "stranger.pem"), f'"127.0.0.1", port {database.port} failed', "certificate verify failed")
    # Several: the one that is who it should be is found.
    passes(url_of(database, "db.example,localhost", hostaddr="127.0.0.1,127.0.0.1"))
    certificate(database, "expired")
    try:
        database.execute("SELECT pg_reload_conf()", database="postgres")
        is_refused(url_of(database, "localhost"), "certificate verify failed")
    finally:
        certificate(database, "server")
        database.execute("SELECT pg_reload_conf()", database="postgres")


def test_records_go_over_tls_and_status_says_whom_it_does_not_trust(world, database):
    def use(url):
        run.daemon.config["sinks"]["store"]["url"] = url
        run.daemon.configure(run.daemon.config)
    run = PgRun(world, database, rate=300, url=url_of(database, "localhost"))
    run.wait_stored(100)
    use(url_of(database, "db.example", hostaddr="127.0.0.1"))
    run.wait_state("disconnected", 'does not match host name "db.example"')
    published = sum(run.daemon.status()["journal"]["published"].values())
    run.daemon.wait_status(lambda s: sum(s["journal"]["published"].values()) > published + 100, "more is in the journal")
    use(url_of(database, "localhost"))
    run.wait_healthy()
    run.wait_stored(100)
    sessions = until(lambda: database.rows(
        "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE application_name = 'feedloom store/main'", database="postgres"), "the writer's session")
    assert sessions == [(True, "TLSv1.3")]
    run.finish().check()
