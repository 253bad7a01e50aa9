/** Releases something that was acquired. */
export type Release = () => Promise<void> | void;

/** Releases everything once, in reverse order. A failure ends it, unless `failed` takes the error. */
export async function releaseAll(
  releases: Release[],
  failed = (error: unknown): void => {
    throw error;
  },
): Promise<void> {
  for (const release of releases.splice(0).reverse()) {
    try {
      await release();
    } catch (error) {
      failed(error);
    }
  }
}
