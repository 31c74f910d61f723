# The times of safetensors and NumPy for bench/files.c, which has written the files in the folder argv[1]: lines "case seconds".
import sys
import time


def best(run, n=7):
    times = []
    for _ in range(n):
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return min(times)


folder = sys.argv[1] + '/'
try:
    import numpy as np
    print('csv', best(lambda: np.loadtxt(folder + 'numbers.csv', delimiter=',', dtype=np.float32), 3))
    print('npz', best(lambda: dict(np.load(folder + 'weights.npz'))))
    from safetensors.numpy import load_file, save_file
    w = load_file(folder + 'weights.safetensors')
    print('load', best(lambda: load_file(folder + 'weights.safetensors')))
    print('save', best(lambda: save_file(w, folder + 'python.safetensors')))
    print('header', best(lambda: load_file(folder + 'entries.safetensors'), 3))
except ImportError:
    pass
