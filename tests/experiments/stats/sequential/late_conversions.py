"""Equal arms whose conversions come late, while the share of one of them rises."""

import numpy as np

# Half of the conversions come on the day, three tenths on the next, the rest a day later.
LATE = (0.5, 0.3, 0.2)


def late_counts(rng, runs, per_day, base, drift):
    """Visitors and conversions seen until each of 28 days, by two phases, of two equal arms.

    The share of b rises from 10 to 50 % on day 8; shape (runs, day, phase, arm).
    """
    days = np.arange(28)
    share = np.where(days < 7, 0.1, 0.5)
    of_b = rng.binomial(per_day, share, (runs, 28))
    visitors = np.stack([per_day - of_b, of_b], axis=-1)
    converting = rng.binomial(visitors, base * np.linspace(1, 1 + drift, 28)[:, None])
    parts = rng.multinomial(converting, LATE)
    phase = (days >= 7).astype(int)
    seen, by_phase = np.zeros((2, runs, 28, 2, 2))
    for day in range(28):
        by_phase[:, day, phase[day]] = visitors[:, day]
        for delay in range(min(3, 28 - day)):
            # Conversions belong to the phase of their visitor.
            seen[:, day + delay, phase[day]] += parts[:, day, :, delay]
    return by_phase.cumsum(axis=1), seen.cumsum(axis=1)
