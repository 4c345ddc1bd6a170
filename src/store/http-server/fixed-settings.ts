/** What holds for every statement, whatever its caller sends. */
export const FIXED_SETTINGS: ReadonlyMap<string, string> = new Map([
  // Mapped files would count as memory of this process while an insert reads them.
  ['storage_file_read_method', 'pread'],
  // As on a server, where `1 + 1` is no query and nobody is to look into the process.
  ['implicit_select', '0'],
  ['allow_introspection_functions', '0'],
]);
