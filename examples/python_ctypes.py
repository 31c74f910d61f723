# python_ctypes.py: dl.h from Python, without a line of C in between: the header itself becomes a shared library.
#
#     cc -O2 -fPIC -shared -DDL_IMPLEMENTATION -x c dl.h -o libdl.so
#     python3 examples/python_ctypes.py
#     python3 examples/python_ctypes.py --help
#
# Every function dl_NAME with options is dl_NAME_with for other languages: its options are a struct, passed by value, whose zeros
# are the defaults.  Pointers are opaque; the first field of a tensor points to its numbers.
import argparse, ctypes, sys
from ctypes import POINTER, Structure, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint64, c_void_p

options = argparse.ArgumentParser(description="dl.h from Python: learns XOR")
options.add_argument("--library", default="./libdl.so", metavar="FILE", help="the shared library, ./libdl.so")
options.add_argument("--epochs", type=int, default=500, metavar="N", help="500")
options.add_argument("--threads", metavar="N", help="no effect: nothing is large")
options.add_argument("--seed", type=int, default=1, metavar="N", help="1")
options.add_argument("--quick", action="store_true", help="no effect: it is quick")
options = options.parse_args()

class Shape(Structure):   _fields_ = [("d", c_int64 * 8)]
class Tensor(Structure):  _fields_ = [("data", POINTER(c_float))]              # only the first of its fields
class Create(Structure):  _fields_ = [("seed", c_uint64), ("threads", c_int), ("isa", c_char_p), ("precision", c_int),
                                      ("no_grad", c_int), ("detect_nan", c_int), ("block_bytes", c_size_t), ("end_", c_int)]
class Linear(Structure):  _fields_ = [("no_bias", c_int), ("end_", c_int)]
class Loss(Structure):    _fields_ = [("weight", c_void_p), ("reduction", c_int), ("pos_weight", c_void_p), ("end_", c_int)]
class Adam(Structure):    _fields_ = [(n, c_double) for n in ("lr", "beta1", "beta2", "eps", "weight_decay")] + \
                                     [(n, c_int) for n in ("amsgrad", "no_bias_correction", "end_")]
class Backward(Structure): _fields_ = [("grad", c_void_p), ("end_", c_int)]

try:
    library = ctypes.CDLL(options.library)
except OSError as e:
    sys.exit("python_ctypes: %s" % e)

def function(name, result, *arguments):
    f = getattr(library, name)
    f.restype, f.argtypes = result, arguments
    return f

handle, tensor = c_void_p, POINTER(Tensor)
create      = function("dl_create_with", handle, Create)
destroy     = function("dl_destroy", None, handle)
error       = function("dl_error", c_char_p, handle)
keep        = function("dl_keep", tensor, handle, tensor)
from_data   = function("dl_tensor_from", tensor, handle, POINTER(c_float), Shape)
linear      = function("dl_nn_linear_with", handle, handle, c_int64, c_int64, Linear)
tanh        = function("dl_nn_tanh", handle, handle)
sequential  = function("dl_nn_sequential_with", handle, handle, POINTER(handle), c_int)
forward     = function("dl_forward", tensor, handle, handle, tensor)
sigmoid     = function("dl_sigmoid", tensor, handle, tensor)
bce         = function("dl_bce_with_logits_with", tensor, handle, tensor, tensor, Loss)
adam        = function("dl_optim_adam_with", handle, handle, handle, Adam)
step_begin  = function("dl_step_begin", None, handle)
backward    = function("dl_backward_with", None, handle, tensor, Backward)
optim_step  = function("dl_optim_step", None, handle, handle)
item        = function("dl_item", c_double, tensor)

def numbers(c, values, *shape):
    return keep(c, from_data(c, (c_float * len(values))(*values), Shape((c_int64 * 8)(*shape))))

c = create(Create(seed=options.seed))
x = numbers(c, [0, 0, 0, 1, 1, 0, 1, 1], 4, 2)
t = numbers(c, [0, 1, 1, 0], 4, 1)
layers = (handle * 3)(linear(c, 2, 8, Linear()), tanh(c), linear(c, 8, 1, Linear()))
net = sequential(c, layers, 3)
opt = adam(c, net, Adam(lr=0.05))
for epoch in range(options.epochs):
    step_begin(c)
    loss = bce(c, forward(c, net, x), t, Loss())
    backward(c, loss, Backward())
    optim_step(c, opt)
    if epoch % 100 == 0: print("%3d  %.4f" % (epoch, item(loss)))
answers = sigmoid(c, forward(c, net, x)).contents.data[0:4]
print("what it says to the four inputs: %.4f %.4f %.4f %.4f, expected 0 1 1 0" % tuple(answers))
if error(c): sys.exit("python_ctypes: " + error(c).decode())
destroy(c)
sys.exit(0 if all(abs(a - b) < 0.05 for a, b in zip(answers, (0, 1, 1, 0))) else 1)
