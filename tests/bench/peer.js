// The peer in Node: ws, JSON.parse, and the fields of a row. peer.js PORT [tls]
'use strict';
const WebSocket = require('ws');

const [port, tls] = process.argv.slice(2);
const seen = { messages: 0, quotes: 0, tickers: 0, trades: 0 };
let sum = 0;

function onTicker(data) {
  const greeks = data.greeks;
  sum += data.timestamp + data.mark_price + data.mark_iv + data.bid_iv + data.ask_iv +
    data.best_bid_price + data.best_bid_amount + data.best_ask_price + data.best_ask_amount +
    data.last_price + data.underlying_price + data.index_price + data.interest_rate +
    data.open_interest + data.stats.volume + greeks.delta + greeks.gamma + greeks.theta +
    greeks.vega + greeks.rho + data.settlement_price + data.min_price + data.max_price +
    data.instrument_name.length + data.underlying_index.length + data.state.length;
  seen.tickers++;
}

function onQuote(data) {
  sum += data.timestamp + data.best_bid_price + data.best_bid_amount + data.best_ask_price +
    data.best_ask_amount + data.instrument_name.length;
  seen.quotes++;
}

function onTrade(data) {
  sum += data.timestamp + data.trade_seq + data.price + data.amount + data.mark_price + data.iv +
    data.index_price + data.contracts + data.trade_id.length + data.instrument_name.length;
  seen.trades++;
}

const socket = new WebSocket(`${tls ? 'wss' : 'ws'}://localhost:${port}/ws/api/v2`,
  { rejectUnauthorized: false, perMessageDeflate: false, skipUTF8Validation: true, family: 4 });
socket.on('message', (text) => {
  const { channel, data } = JSON.parse(text).params;
  seen.messages++;
  if (channel.startsWith('quote.')) onQuote(data);
  else if (channel.startsWith('ticker.')) onTicker(data);
  else data.forEach(onTrade);
});
socket.on('ping', () => console.log(JSON.stringify({ ...seen, sum })));
socket.on('close', () => process.exit(0));
socket.on('error', (error) => { console.error(`peer.js: ${error.message}`); process.exit(1); });
