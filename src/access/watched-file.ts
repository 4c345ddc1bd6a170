import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/**
 * Files that are read again when their bytes change, such as certificates and access lists. They are looked at from time to
 * time rather than watched: Kubernetes replaces them by swapping a symbolic link several levels up.
 */
export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #changed: (contents: readonly Buffer[]) => Promise<void> | void;
  readonly #failed: (thrown: unknown) => void;
  #seen = '';
  #looking: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    paths: readonly string[],
    changed: (contents: readonly Buffer[]) => Promise<void> | void,
    failed: (thrown: unknown) => void,
  ) {
    this.#paths = paths;
    this.#changed = changed;
    this.#failed = failed;
  }

  /**
   * Reads the files, and `changed` gets their contents: now, and whenever they differ. What goes wrong now is thrown; later
   * it goes to `failed`, and the files are tried again once they differ from what failed.
   */
  static async open(
    paths: readonly string[],
    changed: (contents: readonly Buffer[]) => Promise<void> | void,
    failed: (thrown: unknown) => void,
    everyMs = 5_000,
  ): Promise<WatchedFiles> {
    const files = new WatchedFiles(paths, changed, failed);
    await files.#look();
    const turn = () => {
      files.#timer = setTimeout(async () => {
        await files.look();
        if (files.#timer !== undefined) turn();
      }, everyMs);
      files.#timer.unref();
    };
    turn();
    return files;
  }

  /** Looks now. Never rejects. */
  async look(): Promise<void> {
    await this.#look().catch(this.#failed);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** One look after the other: of two at once the one that read first could be carried out last. */
  #look(): Promise<void> {
    this.#looking = this.#looking.catch(() => {}).then(() => this.#lookOnce());
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const contents = await Promise.all(this.#paths.map((path) => readFile(path)));
    const hash = createHash('sha256');
    for (const content of contents) hash.update(`${content.length} `).update(content);
    const now = hash.digest('hex');
    if (now === this.#seen) return;
    this.#seen = now;
    await this.#changed(contents);
  }
}
