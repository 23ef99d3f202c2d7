// What an application does with a key-value store: mostly reads, some writes,
// some counting, at a steady rate whether the server keeps up or not.
//
//   BASE_URL   where urlite listens (default http://127.0.0.1:8080)
//   RATE       requests a second (default 500)
//   SECONDS    length of the run (default 10)

import http from 'k6/http';
import { check, fail } from 'k6';

const rate = Number(__ENV.RATE || 500);
const seconds = Number(__ENV.SECONDS || 10);
const api = `${__ENV.BASE_URL || 'http://127.0.0.1:8080'}/api/v1/sqlite`;

const keys = 1000;
const batchItemsMax = 100; // the API's bound

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${seconds}s`,
      preAllocatedVUs: 50,
      maxVUs: 200,
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    'http_req_duration{name:get}': ['p(95)<500'],
    'http_req_duration{name:put}': ['p(95)<500'],
    'http_req_duration{name:incr}': ['p(95)<500'],
  },
};

// Every key exists before the run, so that a 404 is always an error.
export function setup() {
  for (let start = 0; start < keys; start += batchItemsMax) {
    const items = [];
    for (let number = start; number < start + batchItemsMax; number++) {
      items.push({ key: `k6-mixed-${number}`, value: `value-${number}-0`, content_type: 'text/plain' });
    }
    const answer = http.post(`${api}/kv/batch/set?db=load`, JSON.stringify({ items }), {
      headers: { 'Content-Type': 'application/json' },
    });
    if (answer.status !== 200) {
      fail(`batch/set: status ${answer.status}: ${answer.body}`);
    }
  }
}

export default function () {
  const number = Math.floor(Math.random() * keys);
  const dice = Math.random();
  if (dice < 0.7) {
    get(number);
  } else if (dice < 0.9) {
    put(number);
  } else {
    increment(number);
  }
}

function get(number) {
  const answer = http.get(`${api}/kv/k6-mixed-${number}?db=load`, { tags: { name: 'get' } });
  check(answer, {
    'get: status is 200': (r) => r.status === 200,
    "get: the value is this key's": (r) => String(r.body).startsWith(`value-${number}-`),
    'get: there is an ETag': (r) => Boolean(r.headers['Etag']),
  });
}

function put(number) {
  const value = `value-${number}-${__VU}.${__ITER}`;
  const answer = http.put(`${api}/kv/k6-mixed-${number}?db=load`, value, {
    headers: { 'Content-Type': 'text/plain' },
    tags: { name: 'put' },
  });
  check(answer, {
    'put: status is 200': (r) => r.status === 200,
    'put: all bytes are stored': (r) => r.status === 200 && r.json('size') === value.length,
  });
}

function increment(number) {
  const answer = http.post(`${api}/kv/k6-mixed-count-${number}/incr?db=load`, null, { tags: { name: 'incr' } });
  check(answer, {
    'incr: status is 200': (r) => r.status === 200,
    'incr: value is a positive integer': (r) => r.status === 200 && Number.isSafeInteger(r.json('value')) && r.json('value') > 0,
  });
}
