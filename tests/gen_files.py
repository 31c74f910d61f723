# Files written by the reference implementations (safetensors, NumPy), as bytes: python3 gen_files.py >golden_files.h
import io
import numpy as np
from safetensors.numpy import save

def show(name, data):
    print('static const unsigned char %s[] = {' % name)
    for i in range(0, len(data), 24):
        print('    ' + ', '.join(str(b) for b in data[i:i + 24]) + ',')
    print('};')

def npy(a, **how):
    f = io.BytesIO()
    np.lib.format.write_array(f, a, **how)
    return f.getvalue()

print('/* Made by gen_files.py: files of safetensors and NumPy. */')
w = (np.arange(6, dtype=np.float32) / 4 - 1).reshape(2, 3)
show('st_named', save({'b': w, 'a"\\\n\x01\u00e9': w[0].copy(), 'zz': np.array([3, -4], np.int32), 'aa': np.array(7, np.int32)}, metadata={'who': 'ref "x"'}))
show('st_module', save({'0.weight': w, '0.bias': w[:, 0].copy(), '1.weight': np.ones(2, np.float32), '1.bias': np.zeros(2, np.float32),
                        '1.running_mean': np.zeros(2, np.float32), '1.running_var': np.ones(2, np.float32),
                        '1.num_batches_tracked': np.array(0, np.int64)}))
types = [np.bool_, np.uint8, np.int8, np.int16, np.uint16, np.float16, np.int32, np.uint32, np.float32, np.float64, np.int64, np.uint64]
values = np.array([0, 1, 5, 100])
show('st_types', save({np.dtype(t).name: values.astype(t) for t in types}))
show('st_empty', save({'none': np.zeros((0, 3), np.float32), 'scalar': np.array(2.5, np.float32)}))
show('st_nothing', save({}))
for order in '<>':
    for t in ['f4', 'i2', 'u8']:
        show('npy_%s_%s' % ('little' if order == '<' else 'big', t), npy(values.astype(order + t)))
show('npy_bool', npy(values.astype(np.bool_)))
show('npy_fortran', npy(np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4))))
show('npy_scalar', npy(np.array(2.5, np.float32)))
show('npy_v2', npy(w, version=(2, 0)))
show('npy_float32', npy(w))
show('npy_record', npy(np.zeros(2, [('x', '<f4')])))
f = io.BytesIO()
np.savez(f, w=w, n=np.array([3, -4], np.int32))
show('npz', f.getvalue())
f = io.BytesIO()
np.savez_compressed(f, w=w)
show('npz_compressed', f.getvalue())
