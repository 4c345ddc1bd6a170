/** What a caller may do. None includes another. */
export const SCOPES = ['read', 'ingest', 'decide', 'approve', 'administer'] as const;
export type Scope = (typeof SCOPES)[number];
