"""Flow++ (Ho et al. 2019), as the paper on local bits-back coding used it: for small images.

Three models, one for each data set of the paper, from one set of layers; any of them can be made
smaller. Everything is channels first, (N, C, H, W), and nothing that is computed for one image
depends on the others of its batch.
"""

from core.flows.flowpp.bijections import (
    Bijection,
    Flow,
    Logit,
    Normalise,
    Permutation,
    Pointwise,
    Sigmoid,
    Squeeze,
    Swap,
)
from core.flows.flowpp.config import CIFAR10, IMAGENET32, IMAGENET64, PUBLISHED, FlowPPConfig, small
from core.flows.flowpp.coupling import Coupling
from core.flows.flowpp.mixture import MixtureParameters, inverse, log_derivative, mixture_logit
from core.flows.flowpp.model import Dequantizer, FlowPP
from core.flows.flowpp.splits import ChannelSplit, Split, StripeSplit

__all__ = [
    "CIFAR10",
    "IMAGENET32",
    "IMAGENET64",
    "PUBLISHED",
    "Bijection",
    "ChannelSplit",
    "Coupling",
    "Dequantizer",
    "Flow",
    "FlowPP",
    "FlowPPConfig",
    "Logit",
    "MixtureParameters",
    "Normalise",
    "Permutation",
    "Pointwise",
    "Sigmoid",
    "Split",
    "Squeeze",
    "StripeSplit",
    "Swap",
    "inverse",
    "log_derivative",
    "mixture_logit",
    "small",
]
