"""The peer in Python: websockets on uvloop, orjson, and the fields of a row. peer.py PORT [tls]"""
import asyncio
import ssl
import sys

import orjson
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

TICKER = ("timestamp", "mark_price", "mark_iv", "bid_iv", "ask_iv", "best_bid_price", "best_bid_amount",
          "best_ask_price", "best_ask_amount", "last_price", "underlying_price", "index_price",
          "interest_rate", "open_interest", "settlement_price", "min_price", "max_price",
          "instrument_name", "underlying_index", "state")
GREEKS = ("delta", "gamma", "theta", "vega", "rho")
QUOTE = ("timestamp", "instrument_name", "best_bid_price", "best_bid_amount", "best_ask_price",
         "best_ask_amount")
TRADE = ("timestamp", "trade_seq", "trade_id", "price", "amount", "mark_price", "iv", "instrument_name",
         "index_price", "direction", "contracts")


async def main(port, is_tls):
    context = None
    if is_tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    seen = {"messages": 0, "quotes": 0, "tickers": 0, "trades": 0}
    url = f"{'wss' if is_tls else 'ws'}://localhost:{port}/ws/api/v2"
    async with connect(url, ssl=context, compression=None, max_queue=1024, ping_interval=None) as socket:
        try:
            while True:
                # As bytes: orjson takes them as they are, so that nothing is decoded twice.
                message = orjson.loads(await socket.recv(decode=False))
                seen["messages"] += 1
                params = message["params"]
                data, channel = params["data"], params["channel"]
                if channel.startswith("quote."):
                    row = [data[name] for name in QUOTE]
                    seen["quotes"] += 1
                elif channel.startswith("ticker."):
                    row = [data[name] for name in TICKER]
                    greeks = data["greeks"]
                    row += [greeks[name] for name in GREEKS]
                    row.append(data["stats"]["volume"])
                    seen["tickers"] += 1
                else:
                    for trade in data:
                        row = [trade[name] for name in TRADE]
                        seen["trades"] += 1
        except ConnectionClosed:
            pass
    # It answers pings by itself, before what waits in its queue: so the counts come at the end.
    print(orjson.dumps(seen).decode(), flush=True)


uvloop.run(main(sys.argv[1], len(sys.argv) > 2))
