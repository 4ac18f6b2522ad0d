// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { decode, unpack } from "../../clownviz/front/packed.js";

test("bytes come out of base64 as they went in", () => {
  const view = decode("AAEC/w==");
  assert.deepEqual([...new Uint8Array(view.buffer)], [0, 1, 2, 255]);
});

test("data is unpacked whatever stands in it", async () => {
  const data = { name: "</script> é 🙂", numbers: [1, 2.5, null] };
  const bytes = gzipSync(JSON.stringify(data));
  assert.deepEqual(await unpack(decode(bytes.toString("base64"))), data);
});

test("a part of a longer message is unpacked by itself", async () => {
  const bytes = new Uint8Array([9, 9, ...gzipSync("[1]"), 9]);
  assert.deepEqual(await unpack(new DataView(bytes.buffer, 2, bytes.length - 3)), [1]);
});
