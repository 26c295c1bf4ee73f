/**
 * How long a visitor's id lives: for 13 months at most (CNIL), of which the shortest have these
 * days.
 */
export const LIFE_MS = 393 * 24 * 60 * 60 * 1000;
