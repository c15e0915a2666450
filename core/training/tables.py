"""The tables that a model carries: functions of one variable, computed once, here, at export."""

from __future__ import annotations

import numpy as np

from core.flows.photo.cdf import Tables
from core.flows.photo.integer import LOG_SCALE_RANGE, LOG_SCALE_UNIT, LOGIT_UNIT, MEAN_UNIT

STEPS_PER_SCALE = 2048  # table steps to a logistic's scale
REACH = 16  # scales to either side of the mean; what lies beyond is less than 2^-23


def make_tables() -> Tables:
    """Tables for the units of :mod:`core.flows.photo.integer`."""
    x = np.arange(-REACH * STEPS_PER_SCALE, REACH * STEPS_PER_SCALE + 1) / STEPS_PER_SCALE
    low, high = LOG_SCALE_RANGE
    log_scales = np.arange(low, high + 1) / LOG_SCALE_UNIT
    return Tables(
        sigmoid=(1 / (1 + np.exp(-x))).astype(np.float32),
        weight=np.exp(-np.arange(16 * LOGIT_UNIT) / LOGIT_UNIT).astype(np.float32),
        inverse_scale=(STEPS_PER_SCALE / MEAN_UNIT * 2.0**-log_scales).astype(np.float32),
        mean_unit=MEAN_UNIT,
        smallest_log_scale=low,
    )
