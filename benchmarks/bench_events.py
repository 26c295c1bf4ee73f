"""Events acknowledged and durable a second, beside the floor of each store, on one machine.

The client (wrk) and the servers share the machine's cores; the service runs one web process. For
each path: batches of 20 events as fast as they are answered, the latency at 70 % of that, and the
floor of the same store in the same round: prepared rows through bare transactions, bare COPY, bare
XADD. Rounds are interleaved, medians are kept. What was acknowledged is compared with what the
database holds. `--memory EVENTS` runs a long form instead: web's and consumer's memory over those.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from event_service import EventService, send_load
from recording import record

from tests.servers import PostgresServer, RedisServer

BATCH = 20
CONNECTIONS = 64
ROUNDS = 3
SECONDS = 5
SHARE_OF_LOAD = 0.7
XADDS = 20_000
WARM_UP_S = 1
SAMPLES = 40

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int, metavar="EVENTS", default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers() as (postgres, redis):
        folder = Path(name)
        if options.memory:
            record("events_memory", memory(folder, postgres, redis, n_events=options.memory))
            return
        services = {
            "sqlite": service(folder, "sqlite", f"sqlite:///{folder / 'events.sqlite3'}"),
            "postgresql": service(folder, "postgresql", postgres.create("direct")),
            "redis": service(folder, "redis", postgres.create("behind"), redis.url()),
        }
        try:
            record("events", measure(services, redis))
        finally:
            for one in services.values():
                one.stop()


@contextmanager
def servers() -> Iterator[tuple[PostgresServer, RedisServer]]:
    postgres, redis = PostgresServer(), RedisServer()
    try:
        yield postgres.start(), redis.start()
    finally:
        postgres.remove()
        redis.remove()


def service(folder: Path, name: str, database_url: str, events_url: str = "") -> EventService:
    own = folder / name
    own.mkdir()
    one = EventService(folder=own, database_url=database_url, events_url=events_url)
    one.start_web()
    send_load(one.port, seconds=WARM_UP_S, events=BATCH, connections=CONNECTIONS)
    if events_url:
        one.drain()
    return one


def measure(services: dict[str, EventService], redis: RedisServer) -> Figures:
    rounds = [one_round(services, redis) for _ in range(ROUNDS)]
    paths = {
        name: {
            figure: statistics.median(one[name][figure] for one in rounds)
            for figure in rounds[0][name]
        }
        for name in rounds[0]
    }
    return {
        "events_a_request": BATCH,
        "connections": CONNECTIONS,
        "rounds": ROUNDS,
        "seconds_a_measurement": SECONDS,
        "paths": {name: with_ratios(figures) for name, figures in paths.items()},
    }


def with_ratios(figures: Figures) -> Figures:
    """Add to every figure that has a floor its share of it."""
    ratios = {
        f"{name}_to_floor": round(value / figures[f"{name}_floor"], 3)
        for name, value in figures.items()
        if f"{name}_floor" in figures
    }
    return figures | ratios


def one_round(services: dict[str, EventService], redis: RedisServer) -> Figures:
    return {
        "sqlite": stored_at_once(services["sqlite"]),
        "sqlite, one event a request": one_by_one(services["sqlite"]),
        "postgresql": stored_at_once(services["postgresql"]),
        "redis": behind_a_stream(services["redis"], redis),
    }


def stored_at_once(one: EventService) -> Figures:
    """Measure a path on which the database has the events before the answer."""
    before = one.stored()
    full = load_of(one, events=BATCH)
    after = one.stored()
    check(full, stored=after["events"] - before["events"], events=BATCH)
    transactions = after["batches"] - before["batches"]
    rows = round((after["events"] - before["events"]) / transactions)
    return {
        "events_per_s": full["events_per_s"],
        "events_per_s_floor": one.floor(rows),
        "events_a_transaction": rows,
        "web_cpu_us_an_event": full["cpu_us"],
        **latency(one, full),
    }


def one_by_one(one: EventService) -> Figures:
    """Measure requests of one event each: nothing but the group commit makes them fast."""
    before = one.stored()
    full = load_of(one, events=1)
    after = one.stored()
    check(full, stored=after["events"] - before["events"], events=1)
    transactions = after["batches"] - before["batches"]
    return {
        "requests_per_s": full["events_per_s"],
        "requests_a_transaction": round(full["requests"] / transactions, 1),
        "web_cpu_us_a_request": full["cpu_us"],
        **latency(one, full, events=1),
    }


def behind_a_stream(one: EventService, redis: RedisServer) -> Figures:
    """Measure a burst with no consumer, the consumer afterwards, then both together."""
    before = one.stored()
    full = load_of(one, events=BATCH)
    floor = bare_xadd(redis)
    seconds = one.drain()
    stored = one.stored()["events"] - before["events"]
    check(full, stored=stored, events=BATCH)
    drained = round(stored / seconds)
    figures = {
        "taken_in_per_s": full["events_per_s"],
        "taken_in_per_s_floor": floor,
        "web_cpu_us_an_event": full["cpu_us"],
        "drained_per_s": drained,
        "drained_per_s_floor": one.floor(5_000),
        **latency(one, full),
    }
    one.drain()
    return figures


def load_of(one: EventService, *, events: int) -> Figures:
    """Send as much as is answered; add the CPU time of the web process for an event."""
    before = one.cpu_s("web")
    tally = send_load(one.port, seconds=SECONDS, events=events, connections=CONNECTIONS)
    used = one.cpu_s("web") - before
    return tally | {"cpu_us": round(used / (tally["requests"] * events) * 1e6, 1)}


def latency(one: EventService, full: Figures, *, events: int = BATCH) -> Figures:
    rate = SHARE_OF_LOAD * full["requests"] / full["seconds"]
    paced = send_load(one.port, seconds=SECONDS, events=events, connections=CONNECTIONS, rate=rate)
    check_answers(paced)
    return {"p50_ms_at_70_percent": paced["p50_ms"], "p99_ms_at_70_percent": paced["p99_ms"]}


def check(tally: Figures, *, stored: int, events: int) -> None:
    """Compare acknowledgements with the database; the last requests had no time to be answered."""
    check_answers(tally)
    acknowledged = tally["requests"] * events
    if not acknowledged <= stored <= acknowledged + CONNECTIONS * events:
        raise SystemExit(f"{acknowledged} events acknowledged, {stored} stored")


def check_answers(tally: Figures) -> None:
    if tally["failed"] or tally["refused"]:
        raise SystemExit(f"requests failed: {tally}")


def bare_xadd(redis: RedisServer) -> int:
    """Return the events a second of Redis' own benchmark client, with entries of the same size."""
    with redis.client() as client:
        ((_, fields),) = client.xrevrange("ctaopt:events", count=1)
        size = len(fields[b"e"])
        command = ["redis-benchmark", "-p", str(redis.port), "-n", str(XADDS), "-c", "16", "--csv"]
        result = subprocess.run(
            [*command, "XADD", "bench:floor", "*", "e", "x" * size],
            capture_output=True,
            text=True,
            check=True,
        )
        client.delete("bench:floor")
    return round(float(result.stdout.splitlines()[-1].split(",")[1].strip('"')) * BATCH)


def memory(folder: Path, postgres: PostgresServer, redis: RedisServer, *, n_events: int) -> Figures:
    """Send so many events through web, stream and consumer; sample the memory of both."""
    one = service(folder, "redis", postgres.create("behind"), redis.url())
    one.start_consumer()
    sent, samples, began = 0, [], time.monotonic()
    before = one.stored()["events"]
    try:
        while sent < n_events:
            rate = n_events / SAMPLES / SECONDS / BATCH
            tally = send_load(
                one.port,
                seconds=SECONDS,
                events=BATCH,
                connections=CONNECTIONS,
                rate=min(rate, 1_000),
            )
            check_answers(tally)
            sent += tally["requests"] * BATCH
            samples.append(sample(one, redis, sent, time.monotonic() - began))
            print(samples[-1], flush=True)
            wait_for_consumer(redis)
    finally:
        one.stop()
    one.drain()
    stored = one.stored()["events"] - before
    return {"events_acknowledged": sent, "events_stored": stored, "samples": samples}


def sample(one: EventService, redis: RedisServer, sent: int, seconds: float) -> Figures:
    with redis.client() as client:
        return {
            "seconds": round(seconds),
            "events": sent,
            "web_mb": one.memory_mb("web"),
            "consumer_mb": one.memory_mb("consumer"),
            "redis_mb": round(client.info("memory")["used_memory"] / 1e6, 1),
            "entries_waiting": client.xlen("ctaopt:events"),
        }


def wait_for_consumer(redis: RedisServer) -> None:
    with redis.client() as client:
        while client.xlen("ctaopt:events") > 2_000:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
