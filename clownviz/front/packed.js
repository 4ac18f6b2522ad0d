// @ts-check
/** Data that was packed for its way to the page: gzip of JSON. */

/** Whether this browser unpacks; one that does not keeps the still. */
export const unpacks = "DecompressionStream" in globalThis;

/**
 * @param {DataView<ArrayBuffer>} bytes
 * @returns {Promise<any>}
 */
export async function unpack(bytes) {
  const stream = new Blob([bytes]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
}

/**
 * The bytes of a base64 text.
 * @param {string} text
 */
export function decode(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new DataView(bytes.buffer);
}
