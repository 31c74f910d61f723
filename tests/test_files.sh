#!/bin/sh
# Round trips with PyTorch, NumPy and safetensors for Python, if $PYTHON or python3 has them: what they write dl.h reads, and the
# other way round, bit for bit.
cd "$(dirname "$0")/.." || exit 1
top=$PWD out=$PWD/build/test/files
mkdir -p "$out" && cd "$out" || exit 1
python=${PYTHON:-python3}
skip() { echo "skipped: $1"; echo "files: 0 passed, 0 failed, 1 skipped"; exit 0; }
command -v "$python" >/dev/null || skip 'no Python'
"$python" -c 'import numpy' 2>/dev/null || skip 'no NumPy for Python'

cat >trip.c <<'END'
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "dl.h"
static dl_module *net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, 3, 4, 3), dl_nn_batchnorm2d(c, 4), dl_nn_relu(c), dl_nn_flatten(c), dl_nn_linear(c, 144, 5));
}
int main(int argc, char **argv)                          /* trip FROM TO..: loads FROM into a network, saves it as every TO */
{
    dl_ctx *c = dl_create(.seed = 3);
    dl_module *m = net(c);
    dl_tensor *y;
    int i;
    if (argc > 1 && strcmp(argv[1], "-")) dl_load(c, m, argv[1]);
    for (i = 2; i < argc; i++) {
        dl_save_opts o = {NULL, DL_AS_IS, 0, 0};
        o.type = strstr(argv[i], "half") ? DL_F16 : strstr(argv[i], "brain") ? DL_BF16 : DL_AS_IS;
        dl_save_with(c, m, argv[i], o);
    }
    dl_set_training(c, 0);
    y = dl_forward(c, m, dl_reshape(c, dl_div_scalar(c, dl_arange(c, 0, 192, 1), 100), DL_SHAPE(1, 3, 8, 8)));
    for (i = 0; i < y->size; i++) printf("%.9g ", (double)y->data[i]);
    printf("\n");
    if (dl_error(c)) { fprintf(stderr, "%s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    return 0;
}
END
${CC:-cc} -O0 -I"$top" trip.c -o trip -lm || { echo 'files: 0 passed, 1 failed'; exit 1; }

cat >trip.py <<'END'
import subprocess
import sys
import numpy as np
passed = failed = 0
def check(what, ok):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print('FAILED', what)
def trip(*args):
    return np.array(subprocess.run(['./trip', *args], check=True, capture_output=True, text=True).stdout.split(), np.float32)
def same(a, b):
    return sorted(a) == sorted(b) and all(a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and (np.asarray(a[k]) == np.asarray(b[k])).all() for k in a)

first = trip('-', 'a.npz', 'a.safetensors')
a = dict(np.load('a.npz'))
check('npz: names', len(a) == 9 and a['0.weight'].shape == (4, 3, 3, 3) and a['1.num_batches_tracked'].dtype == np.int64)
np.savez('b.npz', **a)
check('npz: there and back', (trip('b.npz', 'c.npz') == first).all() and same(a, dict(np.load('c.npz'))))
np.savez('f.npz', **{k: v.astype('>f8', order='F') for k, v in a.items()})
check('npz: big-endian doubles in Fortran order', (trip('f.npz', 'c.npz') == first).all() and same(a, dict(np.load('c.npz'))))
try:
    from safetensors.numpy import load_file, save_file
    s = load_file('a.safetensors')
    check('safetensors: the same as npz', same(a, s))
    for meta in None, {'format': 'pt'}:
        save_file(s, 'b.safetensors', metadata=meta)
        check('safetensors: there and back', (trip('b.safetensors', 'c.safetensors') == first).all() and same(s, load_file('c.safetensors')))
    check('safetensors: the same bytes', open('c.safetensors', 'rb').read() == open('a.safetensors', 'rb').read())
    save_file(s, 'b.safetensors')
    check('safetensors: the reference writer\'s bytes', open('b.safetensors', 'rb').read() == open('a.safetensors', 'rb').read())
except ImportError:
    print('skipped: no safetensors for Python')
try:
    import torch
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5)).eval()
    net.load_state_dict({k: torch.from_numpy(v) for k, v in a.items()})
    x = torch.arange(192.).reshape(1, 3, 8, 8) / 100
    with torch.no_grad():
        check('PyTorch computes the same', np.abs(net(x).numpy()[0] - first).max() < 1e-5)
    try:
        from safetensors.torch import load_file, save_file
        torch.manual_seed(1)
        for p in net.parameters():
            torch.nn.init.normal_(p)
        with torch.no_grad():
            for kind in torch.float32, torch.float16, torch.bfloat16, torch.float64:
                state = {k: v.to(kind) if v.is_floating_point() else v for k, v in net.state_dict().items()}
                save_file(state, 't.safetensors', metadata={'format': 'pt'})
                net.load_state_dict(state)
                y = trip('t.safetensors', 'half.safetensors', 'brain.safetensors', 'u.safetensors')
                check('PyTorch %s' % kind, np.abs(net(x).numpy()[0] - y).max() < 1e-4)
                for name, t in ('half', torch.float16), ('brain', torch.bfloat16), ('u', torch.float32):
                    got = load_file(name + '.safetensors')
                    check('%s as %s' % (kind, t), all(torch.equal(got[k], v.float().to(t)) for k, v in state.items() if v.is_floating_point()))
    except ImportError:
        pass
except ImportError:
    print('skipped: no PyTorch')
print('files: %d passed, %d failed' % (passed, failed))
sys.exit(failed != 0)
END
"$python" trip.py
