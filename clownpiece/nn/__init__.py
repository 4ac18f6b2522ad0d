"""Neural networks: modules, the layers made of them, losses and initialisation."""

from . import functional, init, parameter, utils
from .activations import *
from .attention import *
from .containers import *
from .convolution import *
from .embedding import *
from .hooks import (
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from .layers import *
from .lazy import *
from .loss import *
from .loss_layers import *
from .module import Module
from .normalization import *
from .observe import observe_calls
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
from .pooling import *
from .recurrent import *
from .transformer import *
