/** As long as a timer of Node may be: one that is longer goes off at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
