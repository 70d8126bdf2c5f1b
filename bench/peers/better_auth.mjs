// better-auth with its phone-number plugin on PostgreSQL: https://better-auth.com/docs/plugins/phone-number
// `node better_auth.mjs` serves with two processes; with arguments it makes and fills the tables (see project.py).

import cluster from "node:cluster";
import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { phoneNumber } from "better-auth/plugins";
import pg from "pg";

const PROCESSES = 2;
const port = Number(process.env.PORT);
const remember = createSocket("udp4").unref();
// PGHOST, PGUSER and PGDATABASE say where the database is.
const pool = new pg.Pool({ max: 8 });

const options = {
  baseURL: `http://localhost:${port}`,
  secret: process.env.BETTER_AUTH_SECRET,
  database: pool,
  telemetry: { enabled: false },
  plugins: [
    phoneNumber({
      sendOTP: ({ phoneNumber, code }) => {
        remember.send(`${phoneNumber} ${code}`, Number(process.env.REMEMBER_PORT), "127.0.0.1");
      },
      signUpOnVerification: { getTempEmail: (phone) => `${phone.slice(1)}@phones.invalid` },
    }),
  ],
};

async function prepare(people, readers, file) {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  await pool.query(
    `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", "phoneNumber", "phoneNumberVerified")
     SELECT md5(id::text), phone, substr(phone, 2) || '@phones.invalid', false, now(), now(), phone, true
       FROM generate_series(1, $1::int) AS id, LATERAL (SELECT '+7' || 9000000000 + id) AS made(phone)`,
    [people],
  );
  await pool.query(
    `INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
     SELECT md5('s' || id), now() + interval '7 days', md5('t' || id), now(), now(), md5(id::text)
       FROM generate_series(1, $1::int) AS id`,
    [people],
  );
  await pool.query("VACUUM ANALYZE");
  const tokens = await pool.query("SELECT token FROM session ORDER BY id LIMIT $1", [readers]);
  const signed = (token) => createHmac("sha256", options.secret).update(token).digest("base64");
  const cookie = (token) => `better-auth.session_token=${encodeURIComponent(`${token}.${signed(token)}`)}`;
  writeFileSync(file, JSON.stringify(tokens.rows.map(({ token }) => ({ Cookie: cookie(token) }))));
  await pool.end();
}

const [people, readers, file] = process.argv.slice(2);
if (file) {
  await prepare(Number(people), Number(readers), file);
} else if (cluster.isPrimary) {
  for (let started = 0; started < PROCESSES; started++) cluster.fork();
} else {
  createServer(toNodeHandler(betterAuth(options))).listen(port, "127.0.0.1");
}
