// What an application does with SQL: orders are written with their lines in one
// transaction, read back, and counted. None may fail, none may be seen by half, and in the
// end there must be exactly the orders that were answered.
//
//   BASE_URL   where urlite listens (default http://127.0.0.1:8080)
//   RATE       iterations a second (default 200)
//   SECONDS    length of the run (default 10)

import http from 'k6/http';
import encoding from 'k6/encoding';
import { check, fail } from 'k6';
import { Counter } from 'k6/metrics';

const rate = Number(__ENV.RATE || 200);
const seconds = Number(__ENV.SECONDS || 10);
const api = `${__ENV.BASE_URL || 'http://127.0.0.1:8080'}/api/v1/sqlite`;

const linesOfOrder = 3;

// Less one for every order that was answered, plus their number at the end: zero if the
// server told the truth.
const unaccounted = new Counter('orders_unaccounted');

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${seconds}s`,
      preAllocatedVUs: 50,
      maxVUs: 200,
      gracefulStop: '10s',
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // Generous: it finds a server that stalls, not one that is slower today.
    'http_req_duration{name:order}': ['p(95)<500'],
    'http_req_duration{name:refused}': ['p(95)<500'],
    'http_req_duration{name:read}': ['p(95)<500'],
    'http_req_duration{name:total}': ['p(95)<500'],
    orders_unaccounted: ['count==0'],
  },
};

function transact(items, name, status) {
  return http.post(`${api}/db?db=load`, JSON.stringify({ transaction: items }), {
    headers: { 'Content-Type': 'application/json' },
    tags: { name },
    responseCallback: http.expectedStatuses(status),
  });
}

function query(sql, name) {
  const encoded = encoding.b64encode(sql, 'rawurl');
  return http.get(`${api}/query?db=load&sql=${encoded}`, { tags: { name } });
}

export function setup() {
  // Tables of their own per run, so that the file may be an old one.
  const run = `k6_${Date.now()}`;
  const orders = `${run}_orders`;
  const lines = `${run}_lines`;
  const answer = transact([
    { statement: `CREATE TABLE ${orders}(id INTEGER PRIMARY KEY, customer TEXT NOT NULL)` },
    { statement: `CREATE TABLE ${lines}("order" INTEGER, article TEXT, price REAL CHECK (price >= 0))` },
    { statement: `CREATE INDEX ${lines}_order ON ${lines}("order")` },
  ], 'setup', 200);
  if (answer.status !== 200) {
    fail(`no tables at ${api}: status ${answer.status}: ${answer.body}`);
  }
  return { orders, lines };
}

export default function (tables) {
  const dice = Math.random();
  if (dice < 0.3) {
    order(tables);
  } else if (dice < 0.35) {
    refused(tables);
  } else if (dice < 0.9) {
    read(tables);
  } else {
    total(tables);
  }
}

// The order is the one with the latest id, within its own transaction.
function insertion({ orders, lines }, price) {
  const items = [{ statement: `INSERT INTO ${orders}(customer) VALUES(?)`, values: [`customer ${__VU}`] }];
  for (let line = 0; line < linesOfOrder; line++) {
    items.push({
      statement: `INSERT INTO ${lines} SELECT max(id), :article, :price FROM ${orders}`,
      values: { article: `article ${line}`, price: line === linesOfOrder - 1 ? price : 9.5 },
    });
  }
  return items;
}

function order(tables) {
  const items = insertion(tables, 9.5);
  items.push({ query: `SELECT count(*) AS n FROM ${tables.lines} WHERE "order" = (SELECT max(id) FROM ${tables.orders})` });
  const answer = transact(items, 'order', 200);
  const done = check(answer, {
    'order: status is 200': (r) => r.status === 200,
    'order: each row was inserted': (r) => r.status === 200 && [0, 1, 2, 3].every((i) => r.json(`results.${i}.rowsUpdated`) === 1),
    'order: it sees its own lines': (r) => r.status === 200 && r.json('results.4.resultSet.0.n') === linesOfOrder,
  });
  if (done) {
    unaccounted.add(-1);
  }
}

// The last line breaks a constraint: nothing of the order may stay.
function refused(tables) {
  const answer = transact(insertion(tables, -1), 'refused', 409);
  check(answer, {
    'refused: status is 409': (r) => r.status === 409,
    'refused: the code tells why': (r) => r.json('code') === 'SQL_CONSTRAINT',
    'refused: the item is named': (r) => r.json('reqIdx') === linesOfOrder,
  });
}

function read(tables) {
  const answer = transact([{
    query: `SELECT o.id, count(l.article) AS n FROM ${tables.orders} o LEFT JOIN ${tables.lines} l ON l."order" = o.id
      WHERE o.id >= (SELECT abs(random() % (1 + (SELECT coalesce(max(id), 0) FROM ${tables.orders})))) GROUP BY o.id ORDER BY o.id LIMIT ?`,
    values: [10],
  }], 'read', 200);
  check(answer, {
    'read: status is 200': (r) => r.status === 200,
    'read: every order is whole': (r) => r.status === 200 && r.json('results.0.resultSet').every((row) => row.n === linesOfOrder),
  });
}

function total(tables) {
  const answer = query(`SELECT (SELECT count(*) FROM ${tables.orders}) AS orders, (SELECT count(*) FROM ${tables.lines}) AS lines`, 'total');
  check(answer, {
    'total: status is 200': (r) => r.status === 200,
    'total: the lines are those of the orders': (r) => r.status === 200
      && r.json('resultSet.0.lines') === linesOfOrder * r.json('resultSet.0.orders'),
  });
}

export function teardown(tables) {
  const answer = query(`SELECT count(*) AS n FROM ${tables.orders}`, 'teardown');
  check(answer, { 'the orders can be counted': (r) => r.status === 200 });
  unaccounted.add(answer.json('resultSet.0.n'));
}
