/** Lines of bulk requests, as bytes: as text those of thousands of events would live on in the heap until each is answered for. */
const slabBytes = 256 * 1024;
/** UTF-8 takes so much at most of one UTF-16 unit. */
const bytesPerUnitMax = 3;

export class BulkLines {
  private slab = Buffer.alloc(0);
  private used = 0;

  /** What creates a document; its bytes lie among those of others. */
  create(id: string, document: unknown): Buffer {
    const text = `{"create":{"_id":${JSON.stringify(id)}}}\n${JSON.stringify(document)}\n`;
    const bytesMax = text.length * bytesPerUnitMax;
    if (this.slab.length - this.used < bytesMax) {
      this.slab = Buffer.allocUnsafe(Math.max(slabBytes, bytesMax));
      this.used = 0;
    }
    const from = this.used;
    this.used += this.slab.write(text, from);
    return this.slab.subarray(from, this.used);
  }
}
