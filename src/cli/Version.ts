/** The version of the package, apart from what is slow to load. */
export const version = "0.1.0"
