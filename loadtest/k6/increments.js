// Increments of one counter by a crowd that grows and goes: none may fail, and
// in the end the counter must be exactly the number of answers.
//
//   BASE_URL   where urlite listens (default http://127.0.0.1:8080)
//   USERS      users at the peak (default 50)
//   SECONDS    length of the peak (default 10)

import http from 'k6/http';
import { check, fail } from 'k6';
import { Counter } from 'k6/metrics';

const users = Number(__ENV.USERS || 50);
const seconds = Number(__ENV.SECONDS || 10);
const api = `${__ENV.BASE_URL || 'http://127.0.0.1:8080'}/api/v1/sqlite`;

// Less one for every answer of a user, plus the final value at the end: zero if
// the server told the truth. k6 has no other way to compare two sums.
const unaccounted = new Counter('increments_unaccounted');

export const options = {
  scenarios: {
    crowd: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: '2s', target: users },
        { duration: `${seconds}s`, target: users },
        { duration: '1s', target: 0 },
      ],
      gracefulRampDown: '10s',
      gracefulStop: '10s',
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // Generous: it finds a server that stalls, not one that is slower today.
    'http_req_duration{name:incr}': ['p(95)<500'],
    increments_unaccounted: ['count==0'],
  },
};

export function setup() {
  // A key of its own per run, so that the file may be an old one.
  const key = `k6-increments-${Date.now()}`;
  const health = http.get(`${api}/health`);
  if (health.status !== 200) {
    fail(`no urlite at ${api}: status ${health.status}`);
  }
  return { key };
}

export default function ({ key }) {
  const answer = http.post(`${api}/kv/${key}/incr?db=load`, null, { tags: { name: 'incr' } });
  const counted = check(answer, {
    'status is 200': (r) => r.status === 200,
    'value is an integer': (r) => r.status === 200 && Number.isSafeInteger(r.json('value')),
  });
  if (counted) {
    unaccounted.add(-1);
  }
}

export function teardown({ key }) {
  const answer = http.get(`${api}/kv/${key}?db=load`);
  check(answer, { 'the counter can be read': (r) => r.status === 200 });
  unaccounted.add(Number(answer.body));
}
