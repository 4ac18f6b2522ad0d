"""clownpiece: a PyTorch-style deep-learning stack on NumPy, small enough to read.

Each layer stands only on the one below: kernels, tensor, autograd, operations, modules,
optimizers, data. PyTorch's names, arguments, results and errors hold here too.
"""

from . import autograd, creation, cuda, dtypes, random
from .autograd.anomaly import is_anomaly_enabled
from .autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .binding import bind as _bind
from .creation import *
from .devices import device
from .dtypes import bool_ as bool
from .dtypes import (
    dtype,
    finfo,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from .inspection import *
from .inspection import ABSENT as _ABSENT
from .ops import REGISTRY as _REGISTRY
from .printing import set_printoptions
from .random import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .size import Size
from .tensor import Tensor

float = float32
double = float64
long = int64
int = int32
short = int16

_bind()
for _record in _REGISTRY.values():
    if "function" in _record.expose:
        for _name in (_record.name, *_record.aliases):
            globals()[_name.rpartition(".")[2]] = _record

from . import linalg, nn, optim, utils  # noqa: E402
from .serialization import load, save  # noqa: E402

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Say of what is out of scope that it is, and of other names that they do not exist."""
    reason = f": {_ABSENT[name]}" if name in _ABSENT else ""
    raise AttributeError(f"module 'clownpiece' has no attribute {name!r}{reason}")
