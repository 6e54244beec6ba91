/** The names of collections (SEC40): derived from settings by fixed rules, never from what a user sends. */

/**
 * SEC40: the collection of an embedding model (STO7). Only `a-z`, `0-9` and `-`, and at most 115 characters: it has no
 * meaning in a URL or in a query, whatever the model is called.
 */
export const priorsCollectionName = (embedder: string, dimension: number): string =>
  `priors-${dimension}-${embedder.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 100)}`
