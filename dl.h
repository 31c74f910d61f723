/* ================================================================================================
   >>config      versions, the number type, keyword arguments, limits
   ================================================================================================ */
#ifndef DLI_ISA                     /* an ordinary include, not a pass of >>simd: this file includes itself, see >>kernels */
#ifndef DL_H
#define DL_H

#include <stddef.h>
#include <stdint.h>
#ifndef DL_NO_STDIO
#include <stdio.h>                  /* FILE, for dl_print and the progress bar */
#endif

#define DL_VERSION_MAJOR  0
#define DL_VERSION_MINOR  1
#define DL_VERSION_PATCH  0
#define DL_VERSION_NUMBER (DL_VERSION_MAJOR * 10000 + DL_VERSION_MINOR * 100 + DL_VERSION_PATCH)
#define DL_VERSION_STRING "0.1.0"

#ifdef __FAST_MATH__
#error "dl.h: -ffast-math would break the promise of equal bits; compile without it"
#endif

#ifdef DL_STATIC                    /* all functions static: several copies of dl.h may live in one program */
#define DL_API DLI_UNUSED static
#define DL_DEF DLI_UNUSED static
#else
#ifdef __cplusplus
#define DL_API extern "C"
#define DL_DEF extern "C"
#else
#define DL_API extern
#define DL_DEF
#endif
#endif
#if defined(__GNUC__) || defined(__clang__)
#define DLI_UNUSED __attribute__((unused))
#else
#define DLI_UNUSED
#endif

#ifdef DL_DOUBLE
typedef double dl_real;             /* the whole library in double precision, portable kernels: for gradient checks */
#else
typedef float dl_real;
#endif

#define DL_MAX_DIMS 8               /* axes of a tensor                                                    */
#define DL_MAX_SRC  8               /* sources of one op, but for dl_cat and dl_stack, which take any number */
#define DL_ZERO     INT32_MIN       /* an exact 0 for an int option whose 0 means "the usual"               */

/* Keyword arguments: dl_sum(c, x, .keepdim = 1) in C99 and C++20.  Optional things are fields of a struct passed by
   value; a field left out is 0, and 0 always means the usual choice.  The real function is dl_sum_with(c, x, opts);
   C++11 and other languages call that.  DLI_END: in C the braces are never empty. */
#ifdef __cplusplus
#define DLI_LIT(T)    T
#define DLI_END
#define DLI_END_FIRST
#else
#define DLI_LIT(T)    (T)
#define DLI_END       .end_ = 0
#define DLI_END_FIRST .end_ = 0,
#endif
#define DLI_KW0(fn, ...)                      fn##_with(DLI_LIT(fn##_opts){DLI_END_FIRST __VA_ARGS__})
#define DLI_KW1(...)                          DLI_KW1_(__VA_ARGS__, DLI_END)
#define DLI_KW1_(fn, a, ...)                  fn##_with(a, DLI_LIT(fn##_opts){__VA_ARGS__})
#define DLI_KW2(...)                          DLI_KW2_(__VA_ARGS__, DLI_END)
#define DLI_KW2_(fn, a, b, ...)               fn##_with(a, b, DLI_LIT(fn##_opts){__VA_ARGS__})
#define DLI_KW3(...)                          DLI_KW3_(__VA_ARGS__, DLI_END)
#define DLI_KW3_(fn, a, b, d, ...)            fn##_with(a, b, d, DLI_LIT(fn##_opts){__VA_ARGS__})
#define DLI_KW4(...)                          DLI_KW4_(__VA_ARGS__, DLI_END)
#define DLI_KW4_(fn, a, b, d, e, ...)         fn##_with(a, b, d, e, DLI_LIT(fn##_opts){__VA_ARGS__})
#define DLI_KW5(...)                          DLI_KW5_(__VA_ARGS__, DLI_END)
#define DLI_KW5_(fn, a, b, d, e, f, ...)      fn##_with(a, b, d, e, f, DLI_LIT(fn##_opts){__VA_ARGS__})

/* A shape ends at its first zero: there are no empty axes, and the scalar is the empty shape, DL_SHAPE(0). */
typedef struct { int64_t d[DL_MAX_DIMS]; } dl_shape;
#define DL_SHAPE(...) (DLI_LIT(dl_shape){{__VA_ARGS__}})

/* A set of axes: DL_DIM(0) | DL_DIM(-1).  Negative axes count from the last.  The empty set, 0, means all axes. */
#define DL_DIM(d) (1u << ((d) & 15))

/* ================================================================================================
   >>types       context, tensor, op, module, optimizer, data set
   ================================================================================================ */
typedef struct dl_ctx    dl_ctx;
typedef struct dl_tensor dl_tensor;
typedef struct dl_op     dl_op;
typedef struct dl_module dl_module;
typedef struct dl_optim  dl_optim;

typedef enum { DL_REAL, DL_INT32 } dl_dtype;                           /* values and labels                     */
typedef enum { DL_MEAN, DL_SUM, DL_NONE } dl_reduction;                /* of a loss over its batch              */
typedef enum { DL_LINEAR, DL_RELU, DL_SIGMOID, DL_TANH } dl_activation;/* those that dl_linear and GEMM can fuse */

/* An n-dimensional array: contiguous, row-major.  A tensor lives until the next dl_step_begin (results, scratch) or as
   long as its context (dl_keep, parameters).  Read and write data freely; leave the rest to the library. */
struct dl_tensor {
    dl_real  *data;                      /* values, or NULL if dtype is DL_INT32               */
    int32_t  *idata;                     /* values of an int32 tensor, else NULL               */
    dl_real  *grad;                      /* d loss / d data, NULL until dl_backward gets there */
    int64_t   shape[DL_MAX_DIMS];        /* 1 beyond ndim                                      */
    int64_t   size;                      /* product of the shape                               */
    int       ndim;
    dl_dtype  dtype;
    int       requires_grad;
    /* how it was made: written by dl_apply, read by the functions of an op */
    const dl_op *op;                     /* NULL: a leaf                                       */
    dl_tensor  **src;                    /* what it was made from                              */
    int          nsrc;
    int          kept;                   /* lives in the keep arena                            */
    void        *opts;                   /* a copy of the op's options                         */
    void        *saved;                  /* whatever forward left for backward                 */
    dl_tensor   *prev;                   /* the tape: the result recorded before this one      */
    dl_real     *grad_buf;               /* storage behind grad                                */
    size_t       grad_cap;               /* its size in elements                               */
};

/* A differentiable operation.  Built-in ops and the user's are made the same way, see dl_apply. */
struct dl_op {
    const char *name;                                     /* for messages and dumps                              */
    int  (*shape)   (dl_ctx *c, dl_tensor *y);            /* set y's shape from y->src; 0 after dl_fail          */
    void (*forward) (dl_ctx *c, dl_tensor *y);            /* y->data from y->src[i]->data                        */
    void (*backward)(dl_ctx *c, dl_tensor *y);            /* y->src[i]->grad from y->grad; NULL: not differentiable */
};

/* ================================================================================================
   >>api         every function, in groups.  Shapes in comments as (N, C, H, W).
   Errors: a function that fails keeps the context's first error (dl_error) and returns the nil tensor or 0;
   the nil tensor is accepted, and passed on, everywhere.
   ================================================================================================ */

/* --- context ------------------------------------------------------------------------------------
   One context per thread; contexts share nothing.  dl_create returns NULL only if memory is out, and every function
   accepts that NULL. */
typedef struct {
    uint64_t    seed;                    /* of the random numbers, 0                                             */
    int         threads;                 /* 0: what OpenMP offers; always 1 without OpenMP                       */
    const char *isa;                     /* "portable", "avx2", "avx512"; NULL: $DL_ISA, else the best there is  */
    int         no_grad;                 /* 1: record nothing, for inference                                     */
    size_t      block_bytes;             /* size of the arenas' first block, 1 MB                                */
    int end_;
} dl_create_opts;
DL_API dl_ctx *dl_create_with(dl_create_opts o);
#define dl_create(...) DLI_KW0(dl_create, __VA_ARGS__)
DL_API void        dl_destroy(dl_ctx *c);
DL_API void        dl_step_begin(dl_ctx *c);                         /* forget the previous step's tensors, O(1)      */
DL_API const char *dl_error(const dl_ctx *c);                        /* the first error, or NULL                      */
DL_API void        dl_clear_error(dl_ctx *c);                        /* makes the context usable again                */
DL_API dl_tensor  *dl_fail(dl_ctx *c, const char *format, ...);      /* keep an error, return nil.  Formats: %s %d (int) %l (int64_t)
                                                                        %g (double) %t (dl_tensor *: its shape) %%    */
DL_API int         dl_set_grad_enabled(dl_ctx *c, int on);           /* 0: record nothing; returns the state before    */
DL_API int         dl_set_training(dl_ctx *c, int on);               /* 1 at first; read by dropout; returns the state before */
DL_API int         dl_is_training(const dl_ctx *c);
DL_API int         dl_is_nil(const dl_tensor *x);                    /* 1 for the nil tensor and for NULL             */

typedef struct {
    const char *version, *isa, *precision;                           /* "0.1.0", "avx512", "float highest"            */
    int         threads, openmp;                                     /* used; 1 if compiled with OpenMP               */
    size_t      l1d_bytes, l2_bytes, l3_bytes;                       /* caches of one core; 0: unknown                */
} dl_information;
DL_API dl_information dl_info(const dl_ctx *c);

typedef struct {
    size_t keep_bytes, step_bytes;                                   /* in use now                                    */
    size_t step_peak;                                                /* the most that one step used                   */
    size_t reserved_bytes;                                           /* held from malloc                              */
    int    blocks;                                                   /* number of malloc blocks                       */
} dl_memory_report;
DL_API dl_memory_report dl_memory(const dl_ctx *c);
DL_API void *dl_alloc(dl_ctx *c, size_t bytes);                      /* step memory, 64-byte aligned, not cleared; NULL after an error */
DL_API void *dl_alloc_keep(dl_ctx *c, size_t bytes);                 /* the same for the life of the context, zeroed  */

/* --- creation -----------------------------------------------------------------------------------
   All live in the step; dl_keep makes a copy that lives as long as the context. */
DL_API dl_tensor *dl_tensor_from(dl_ctx *c, const dl_real *data, dl_shape shape);      /* copies data                  */
DL_API dl_tensor *dl_tensor_from_int(dl_ctx *c, const int32_t *data, dl_shape shape);
DL_API dl_tensor *dl_scalar(dl_ctx *c, dl_real value);
DL_API dl_tensor *dl_empty(dl_ctx *c, dl_shape shape);                                 /* values undefined             */
DL_API dl_tensor *dl_zeros(dl_ctx *c, dl_shape shape);
DL_API dl_tensor *dl_ones(dl_ctx *c, dl_shape shape);
DL_API dl_tensor *dl_full(dl_ctx *c, dl_shape shape, dl_real value);
DL_API dl_tensor *dl_arange(dl_ctx *c, double start, double end, double step);         /* start + i step, before end   */
DL_API dl_tensor *dl_eye(dl_ctx *c, int64_t n);                                        /* (n, n)                       */
DL_API dl_tensor *dl_one_hot(dl_ctx *c, dl_tensor *labels, int64_t classes);           /* int32 (..) -> (.., classes)  */
DL_API dl_tensor *dl_rand(dl_ctx *c, dl_shape shape);                                  /* uniform on [0, 1)            */
DL_API dl_tensor *dl_randn(dl_ctx *c, dl_shape shape);                                 /* normal, mean 0, variance 1   */
DL_API dl_tensor *dl_randperm(dl_ctx *c, int64_t n);                                   /* int32 permutation of 0..n-1  */
DL_API dl_tensor *dl_to_real(dl_ctx *c, dl_tensor *x);                                 /* int32 -> real                */
DL_API dl_tensor *dl_to_int(dl_ctx *c, dl_tensor *x);                                  /* real -> int32, toward zero   */
DL_API dl_tensor *dl_keep(dl_ctx *c, dl_tensor *x);                                    /* copy with the context's life, a leaf */
DL_API dl_tensor *dl_requires_grad(dl_ctx *c, dl_tensor *x, int on);                   /* marks a leaf; returns x      */
DL_API dl_tensor *dl_detach(dl_ctx *c, dl_tensor *x);                                  /* same data, no history        */
DL_API double     dl_item(const dl_tensor *x);                                         /* the value of a 1-element tensor, else NaN */
DL_API void       dl_manual_seed(dl_ctx *c, uint64_t seed);

/* --- random numbers: Philox4x32-10 (Salmon et al. 2011), a function of seed, call and element index only ---- */
DL_API void dl_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* --- autograd ----------------------------------------------------------------------------------- */
typedef struct {
    const dl_tensor *grad;               /* d L / d y; NULL: y is a scalar and this is 1 */
    int end_;
} dl_backward_opts;
DL_API int dl_backward_with(dl_ctx *c, dl_tensor *y, dl_backward_opts o);   /* adds d y / d leaf to every leaf's grad; 0 on error */
#define dl_backward(...) DLI_KW2(dl_backward, __VA_ARGS__)
DL_API void dl_zero_grad(dl_tensor *x);                                     /* x->grad = NULL */

/* Make y = op(src...).  Copies opts (may be NULL), runs shape and forward, records y if a source needs a gradient.
   A shape function calls dl_set_shape; a backward function asks, for each source,
       int add; dl_real *dx = dl_grad_of(c, y->src[i], &add);
   and, unless dx is NULL (nobody needs it), stores into dx or, if add, adds to it. */
DL_API dl_tensor *dl_apply(dl_ctx *c, const dl_op *op, int n, dl_tensor *const *src, const void *opts, size_t opts_size);
DL_API int        dl_set_shape(dl_ctx *c, dl_tensor *y, int ndim, const int64_t *shape);   /* checks the product */
DL_API dl_real   *dl_grad_of(dl_ctx *c, dl_tensor *x, int *add);

/* Compare backward with central differences, h = 1e-6 max(1, abs x), for L = sum r y, r random: every element must satisfy
   abs(a - n) <= atol + rtol max(abs a, abs n).  Meant for -DDL_DOUBLE (float: rtol 1e-2, h 1e-2).  f builds y from the
   inputs; returns 1 if all agree, else 0 and dl_error says which element differs. */
typedef dl_tensor *(*dl_gradcheck_fn)(dl_ctx *c, dl_tensor **inputs, void *user);
typedef struct {
    double eps, atol, rtol;              /* 1e-6, 1e-6, 1e-5 */
    void  *user;
    double *certified;                   /* out: share of the entries that the relative part alone certifies */
    int end_;
} dl_gradcheck_opts;
DL_API int dl_gradcheck_with(dl_ctx *c, dl_gradcheck_fn f, int n, dl_tensor **inputs, dl_gradcheck_opts o);
#define dl_gradcheck(...) DLI_KW4(dl_gradcheck, __VA_ARGS__)

/* --- elementwise ops ----------------------------------------------------------------------------
   One row makes everything: the prototype  dl_tensor *dl_NAME(dl_ctx *c, dl_tensor *x)  (two tensors a, b in the
   second table; scalars p, q after the tensors), the op, its kernels for every instruction set, and the entry in the gradient check.
   x, a, b: inputs; y: output; g: gradient of y.  Shapes broadcast by NumPy's rules, and gradients are summed back.
   The functions dli_exp ... are dl.h's own, see >>math.  At kinks and ties the gradient is PyTorch's. */
#define DL_UNARY_OPS(OP)                                                                                             \
/*     name        y = f(x)                       dx                                                              */ \
    OP(neg,        -x,                            -g)                                                                \
    OP(abs,        x < 0 ? -x : x,                x > 0 ? g : x < 0 ? -g : 0)                                        \
    OP(square,     x * x,                         g * (x + x))                                                       \
    OP(sqrt,       dli_sqrt(x),                   g * DLI_C(0.5) / y)                                                \
    OP(rsqrt,      1 / dli_sqrt(x),               g * DLI_C(-0.5) * (y * y * y))                                     \
    OP(reciprocal, 1 / x,                         -g * (y * y))                                                      \
    OP(exp,        dli_exp(x),                    g * y)                                                             \
    OP(expm1,      dli_expm1(x),                  g * (y + 1))                                                       \
    OP(log,        dli_log(x),                    g / x)                                                             \
    OP(log1p,      dli_log1p(x),                  g / (x + 1))                                                       \
    OP(sin,        dli_sin(x),                    g * dli_cos(x))                                                    \
    OP(cos,        dli_cos(x),                    -g * dli_sin(x))                                                   \
    OP(tanh,       dli_tanh(x),                   g * (1 - y * y))                                                   \
    OP(sigmoid,    dli_sigmoid(x),                g * (y * (1 - y)))                                                 \
    OP(erf,        dli_erf(x),                    g * (DLI_C(1.1283791670955126) * dli_exp(-(x * x))))               \
    OP(relu,       x > 0 ? x : 0,                 x > 0 ? g : 0)

#define DL_UNARY_SCALAR_OPS(OP)                                                                                      \
/*     name        y = f(x, p)                    dx                                                              */ \
    OP(add_scalar, x + p,                         g)                                                                 \
    OP(mul_scalar, x * p,                         g * p)                                                             \
    OP(div_scalar, x / p,                         g / p)                                                             \
    OP(rsub_scalar, p - x,                        -g)                                                                \
    OP(rdiv_scalar, p / x,                        -g * y / x)                                                        \
    OP(pow_scalar, dli_pow(x, p),                 p == 0 ? 0 : g * (p * dli_pow(x, p - 1)))

#define DL_UNARY_RANGE_OPS(OP)                                                                                       \
/*     name        y = f(x, p, q)                 dx                                                              */ \
    OP(clamp,      x < p ? p : x > q ? q : x,     x >= p && x <= q ? g : 0)

#define DL_BINARY_OPS(OP)                                                                                            \
/*     name        y = f(a, b)                    da                            db                                */ \
    OP(add,        a + b,                         g,                            g)                                   \
    OP(sub,        a - b,                         g,                            -g)                                  \
    OP(mul,        a * b,                         g * b,                        g * a)                               \
    OP(div,        a / b,                         g / b,                        -g * y / b)                          \
    OP(pow,        dli_pow(a, b),                 b == 0 ? 0 : g * (b * dli_pow(a, b - 1)),                          \
                                                  a == 0 && b >= 0 ? 0 : g * (y * dli_log(a)))                       \
    OP(minimum,    b < a ? b : a,                 a < b ? g : a > b ? 0 : g * DLI_C(0.5),                            \
                                                  b < a ? g : b > a ? 0 : g * DLI_C(0.5))                            \
    OP(maximum,    b > a ? b : a,                 a > b ? g : a < b ? 0 : g * DLI_C(0.5),                            \
                                                  b > a ? g : b < a ? 0 : g * DLI_C(0.5))

#define DL_TERNARY_OPS(OP)                                                                                           \
/*     name        y = f(m, a, b)                 da                            db                                */ \
    OP(where,      m != 0 ? a : b,                m != 0 ? g : 0,               m != 0 ? 0 : g)

/* Not differentiable: 1 where it holds, else 0. */
#define DL_COMPARE_OPS(OP)                                                                                           \
    OP(eq, a == b)  OP(ne, a != b)  OP(lt, a < b)  OP(le, a <= b)  OP(gt, a > b)  OP(ge, a >= b)

#define DLI_DECLARE(name, f, dx)     DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x);
DL_UNARY_OPS(DLI_DECLARE)
#undef DLI_DECLARE
#define DLI_DECLARE(name, f, dx)     DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x, dl_real p);
DL_UNARY_SCALAR_OPS(DLI_DECLARE)
#undef DLI_DECLARE
#define DLI_DECLARE(name, f, dx)     DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x, dl_real p, dl_real q);
DL_UNARY_RANGE_OPS(DLI_DECLARE)
#undef DLI_DECLARE
#define DLI_DECLARE(name, f, da, db) DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *a, dl_tensor *b);
DL_BINARY_OPS(DLI_DECLARE)
#undef DLI_DECLARE
#define DLI_DECLARE(name, f)         DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *a, dl_tensor *b);
DL_COMPARE_OPS(DLI_DECLARE)
#undef DLI_DECLARE
#define DLI_DECLARE(name, f, da, db) DL_API dl_tensor *dl_##name(dl_ctx *c, dl_tensor *m, dl_tensor *a, dl_tensor *b);
DL_TERNARY_OPS(DLI_DECLARE)
#undef DLI_DECLARE
DL_API dl_tensor *dl_sub_scalar(dl_ctx *c, dl_tensor *x, dl_real p);                       /* x - p */

/* --- reductions ---------------------------------------------------------------------------------
   Over the axes of .dims, 0: over all; .keepdim = 1 leaves them with size 1. */
typedef struct { unsigned dims; int keepdim; int end_; } dl_reduce_opts;
typedef dl_reduce_opts dl_sum_opts, dl_mean_opts, dl_prod_opts, dl_max_opts, dl_min_opts, dl_argmax_opts, dl_argmin_opts,
                       dl_logsumexp_opts;
typedef struct { unsigned dims; int keepdim; int biased; int end_; } dl_var_opts;          /* biased: divide by n, not n - 1     */
typedef dl_var_opts dl_std_opts;
typedef struct { unsigned dims; int keepdim; double p; int end_; } dl_norm_opts;           /* p: 2; INFINITY: the largest        */
DL_API dl_tensor *dl_sum_with(dl_ctx *c, dl_tensor *x, dl_sum_opts o);                     /* y = sum x                          */
DL_API dl_tensor *dl_mean_with(dl_ctx *c, dl_tensor *x, dl_mean_opts o);                   /* y = sum x / n                      */
DL_API dl_tensor *dl_var_with(dl_ctx *c, dl_tensor *x, dl_var_opts o);                     /* y = sum (x - mean)^2 / (n - 1)     */
DL_API dl_tensor *dl_std_with(dl_ctx *c, dl_tensor *x, dl_std_opts o);                     /* y = sqrt(var)                      */
DL_API dl_tensor *dl_max_with(dl_ctx *c, dl_tensor *x, dl_max_opts o);                     /* gradient split evenly between ties */
DL_API dl_tensor *dl_min_with(dl_ctx *c, dl_tensor *x, dl_min_opts o);
DL_API dl_tensor *dl_prod_with(dl_ctx *c, dl_tensor *x, dl_prod_opts o);                   /* y = prod x, zeros allowed          */
DL_API dl_tensor *dl_argmax_with(dl_ctx *c, dl_tensor *x, dl_argmax_opts o);               /* int32, the first of equals; one axis or all */
DL_API dl_tensor *dl_argmin_with(dl_ctx *c, dl_tensor *x, dl_argmin_opts o);
DL_API dl_tensor *dl_logsumexp_with(dl_ctx *c, dl_tensor *x, dl_logsumexp_opts o);         /* y = m + log sum exp(x - m), m = max x */
DL_API dl_tensor *dl_norm_with(dl_ctx *c, dl_tensor *x, dl_norm_opts o);                   /* y = (sum abs(x)^p)^(1/p)           */
#define dl_sum(...)       DLI_KW2(dl_sum, __VA_ARGS__)
#define dl_mean(...)      DLI_KW2(dl_mean, __VA_ARGS__)
#define dl_var(...)       DLI_KW2(dl_var, __VA_ARGS__)
#define dl_std(...)       DLI_KW2(dl_std, __VA_ARGS__)
#define dl_max(...)       DLI_KW2(dl_max, __VA_ARGS__)
#define dl_min(...)       DLI_KW2(dl_min, __VA_ARGS__)
#define dl_prod(...)      DLI_KW2(dl_prod, __VA_ARGS__)
#define dl_argmax(...)    DLI_KW2(dl_argmax, __VA_ARGS__)
#define dl_argmin(...)    DLI_KW2(dl_argmin, __VA_ARGS__)
#define dl_logsumexp(...) DLI_KW2(dl_logsumexp, __VA_ARGS__)
#define dl_norm(...)      DLI_KW2(dl_norm, __VA_ARGS__)
DL_API dl_tensor *dl_cumsum(dl_ctx *c, dl_tensor *x, int dim);                             /* y_i = x_0 + .. + x_i along dim     */

/* --- shapes -------------------------------------------------------------------------------------
   reshape, flatten, squeeze, unsqueeze share the data of x; the others copy. */
DL_API dl_tensor *dl_reshape(dl_ctx *c, dl_tensor *x, dl_shape shape);                     /* one axis may be -1: inferred       */
DL_API dl_tensor *dl_view(dl_ctx *c, dl_tensor *x, dl_shape shape);                        /* the same                           */
DL_API dl_tensor *dl_flatten(dl_ctx *c, dl_tensor *x, int start_dim, int end_dim);         /* joins axes start..end; (1, -1) keeps the batch */
DL_API dl_tensor *dl_squeeze(dl_ctx *c, dl_tensor *x, unsigned dims);                      /* drops axes of size 1 (DL_DIM sets, 0: all) */
DL_API dl_tensor *dl_unsqueeze(dl_ctx *c, dl_tensor *x, int dim);                          /* inserts an axis of size 1          */
typedef struct { int d[DL_MAX_DIMS]; } dl_order;
#define DL_ORDER(...) (DLI_LIT(dl_order){{__VA_ARGS__}})
DL_API dl_tensor *dl_permute(dl_ctx *c, dl_tensor *x, dl_order order);                     /* y.shape[i] = x.shape[order[i]]     */
DL_API dl_tensor *dl_transpose(dl_ctx *c, dl_tensor *x, int dim0, int dim1);               /* swaps two axes                     */
typedef struct { int64_t step; int end_; } dl_slice_opts;                                  /* 1 */
DL_API dl_tensor *dl_slice_with(dl_ctx *c, dl_tensor *x, int dim, int64_t start, int64_t end, dl_slice_opts o);  /* x[start:end:step], Python's rules */
#define dl_slice(...) DLI_KW5(dl_slice, __VA_ARGS__)
DL_API dl_tensor *dl_cat(dl_ctx *c, int n, dl_tensor *const *xs, int dim);                 /* joins along dim                    */
DL_API dl_tensor *dl_stack(dl_ctx *c, int n, dl_tensor *const *xs, int dim);               /* joins along a new axis dim         */
DL_API int        dl_split(dl_ctx *c, dl_tensor *x, int64_t size, int dim, dl_tensor **parts, int max);  /* the number of parts, 0 on error */
DL_API dl_tensor *dl_expand(dl_ctx *c, dl_tensor *x, dl_shape shape);                      /* copies size-1 axes; -1: as it is   */
DL_API dl_tensor *dl_repeat(dl_ctx *c, dl_tensor *x, dl_shape times);                      /* tiles x                            */
typedef struct { int64_t before[DL_MAX_DIMS], after[DL_MAX_DIMS]; } dl_pads;               /* by axis, the first axis first      */
typedef struct { dl_real value; int end_; } dl_pad_opts;                                   /* 0 */
DL_API dl_tensor *dl_pad_with(dl_ctx *c, dl_tensor *x, dl_pads pads, dl_pad_opts o);       /* constant padding                   */
#define dl_pad(...) DLI_KW3(dl_pad, __VA_ARGS__)

/* --- indexing: index tensors are int32 and are always checked ---------------------------------- */
DL_API dl_tensor *dl_gather(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index);           /* y[i][j] = x[index[i][j]][j] for dim 0 */
DL_API dl_tensor *dl_scatter_add(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index, dl_tensor *src);   /* y = x; y[index[i][j]][j] += src[i][j] */
DL_API dl_tensor *dl_index_select(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index);     /* y[i] = x[index[i]] for dim 0       */
typedef struct { int descending; dl_tensor **indices; int end_; } dl_sort_opts;            /* indices: out, int32                */
DL_API dl_tensor *dl_sort_with(dl_ctx *c, dl_tensor *x, int dim, dl_sort_opts o);          /* stable; NaN last                   */
#define dl_sort(...) DLI_KW3(dl_sort, __VA_ARGS__)
typedef struct { int smallest; dl_tensor **indices; int end_; } dl_topk_opts;
DL_API dl_tensor *dl_topk_with(dl_ctx *c, dl_tensor *x, int64_t k, int dim, dl_topk_opts o);   /* the k largest, sorted          */
#define dl_topk(...) DLI_KW4(dl_topk, __VA_ARGS__)

/* --- products ----------------------------------------------------------------------------------- */
typedef struct { int transpose_a, transpose_b; int end_; } dl_matmul_opts;
DL_API dl_tensor *dl_matmul_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_matmul_opts o); /* (.., M, K) x (.., K, N) -> (.., M, N); vectors as in PyTorch */
#define dl_matmul(...) DLI_KW3(dl_matmul, __VA_ARGS__)
typedef struct { dl_activation activation; int end_; } dl_linear_opts;                     /* DL_LINEAR: none                    */
DL_API dl_tensor *dl_linear_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_linear_opts o);  /* act(x w^T + b): (.., in), (out, in), (out) or NULL */
#define dl_linear(...) DLI_KW4(dl_linear, __VA_ARGS__)

/* C = alpha op(A) op(B) + beta C on plain row-major memory, op(X) = X or, if trans is not 0, X^T.  op(A) is M x K, op(B)
   K x N; lda, ldb, ldc are the distances between rows as stored.  beta = 0 does not read C.  0 after an error. */
DL_API int dl_gemm(dl_ctx *c, int trans_a, int trans_b, int64_t M, int64_t N, int64_t K, dl_real alpha, const dl_real *A, int64_t lda,
                   const dl_real *B, int64_t ldb, dl_real beta, dl_real *C, int64_t ldc);

/* --- softmax and losses -------------------------------------------------------------------------- */
DL_API dl_tensor *dl_softmax(dl_ctx *c, dl_tensor *x, int dim);                            /* exp(x - max x) / sum exp(x - max x) along dim */
DL_API dl_tensor *dl_log_softmax(dl_ctx *c, dl_tensor *x, int dim);                        /* x - logsumexp(x)                   */
typedef struct {
    dl_tensor   *weight;             /* of each class, (C)                                                      */
    int          ignore_index;       /* -100; DL_ZERO for class 0                                               */
    dl_reduction reduction;          /* DL_MEAN: over the sum of the weights of the targets that count          */
    dl_real      label_smoothing;    /* 0                                                                       */
    int end_;
} dl_cross_entropy_opts;
/* logits (N, C) or (C); target int32 (N) or (), or probabilities like the logits.
   l = -sum_k w_k q_k log softmax(x)_k,  q = (1 - s) onehot(target) + s / C */
DL_API dl_tensor *dl_cross_entropy_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_cross_entropy_opts o);
#define dl_cross_entropy(...) DLI_KW3(dl_cross_entropy, __VA_ARGS__)
typedef struct { dl_reduction reduction; int end_; } dl_mse_loss_opts;
typedef dl_mse_loss_opts dl_bce_with_logits_opts;
DL_API dl_tensor *dl_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_mse_loss_opts o);        /* (x - t)^2 */
DL_API dl_tensor *dl_bce_with_logits_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_bce_with_logits_opts o);  /* max(x, 0) - x t + log1p(exp(-abs x)) */
#define dl_mse_loss(...)        DLI_KW3(dl_mse_loss, __VA_ARGS__)
#define dl_bce_with_logits(...) DLI_KW3(dl_bce_with_logits, __VA_ARGS__)
DL_API dl_tensor *dl_dropout(dl_ctx *c, dl_tensor *x, dl_real p);                          /* training: x mask / (1 - p), mask = 1 with probability 1 - p; else x */

/* --- modules: named trees of parameters and buffers --------------------------------------------- */
typedef struct {
    const char *name;                                                    /* of the struct, for messages and dl_summary   */
    size_t      size;                                                    /* of the user's struct, which begins with dl_module */
    dl_tensor *(*forward)(dl_ctx *c, dl_module *self, dl_tensor *x);
} dl_module_type;
typedef struct { const char *name; dl_tensor *tensor; int is_buffer; } dl_param;
struct dl_module {
    const dl_module_type *type;
    const char  *name;                   /* within the parent                              */
    dl_module  **children;
    int          nchildren;
    dl_param    *params;                 /* parameters and buffers of this node            */
    int          nparams;
};
DL_API dl_tensor *dl_forward(dl_ctx *c, dl_module *m, dl_tensor *x);
DL_API dl_module *dl_module_create(dl_ctx *c, const dl_module_type *type);                 /* zeroed                              */
DL_API dl_module *dl_module_add(dl_ctx *c, dl_module *parent, const char *name, dl_module *child);             /* returns child   */
DL_API dl_tensor *dl_module_param(dl_ctx *c, dl_module *m, const char *name, dl_shape shape);                  /* zeros, requires grad */
DL_API dl_tensor *dl_module_buffer(dl_ctx *c, dl_module *m, const char *name, dl_shape shape);                 /* zeros, saved, not trained */
/* The i-th parameter or buffer of the whole tree in state_dict order, or NULL; name (may be NULL) gets "0.weight", "layer1.0.conv1.weight". */
DL_API dl_param  *dl_module_at(dl_module *m, int i, char *name, size_t name_size);
DL_API dl_tensor *dl_module_get(dl_ctx *c, dl_module *m, const char *name);                /* by its full name                    */
DL_API int64_t    dl_param_count(dl_module *m);                                            /* number of trainable values          */
DL_API void       dl_zero_grads(dl_module *m);
DL_API dl_module *dl_nn_sequential_with(dl_ctx *c, dl_module *const *list, int n);         /* list of modules, run in order       */
DL_API dl_module *dl_nn_sequential_list(dl_ctx *c, ...);                                   /* modules, then (dl_module *)NULL     */
#define dl_nn_sequential(...) dl_nn_sequential_list(__VA_ARGS__, (dl_module *)0)
typedef struct { int no_bias; int end_; } dl_nn_linear_opts;
DL_API dl_module *dl_nn_linear_with(dl_ctx *c, int64_t in, int64_t out, dl_nn_linear_opts o);   /* weight (out, in), bias (out), U(-1/sqrt(in), 1/sqrt(in)) */
#define dl_nn_linear(...) DLI_KW3(dl_nn_linear, __VA_ARGS__)
DL_API dl_module *dl_nn_flatten(dl_ctx *c);                                                /* (N, ..) -> (N, rest)                */
DL_API dl_module *dl_nn_relu(dl_ctx *c);
DL_API dl_module *dl_nn_sigmoid(dl_ctx *c);
DL_API dl_module *dl_nn_tanh(dl_ctx *c);
DL_API dl_module *dl_nn_softmax(dl_ctx *c, int dim);
DL_API dl_module *dl_nn_dropout(dl_ctx *c, dl_real p);

/* --- initializers: fill a tensor in place, from the context's random numbers ---------------------
   fan_in = shape[1] * receptive field, fan_out = shape[0] * receptive field, for weights (out, in, ...) */
typedef enum { DL_FAN_IN, DL_FAN_OUT } dl_fan;
DL_API void dl_init_uniform(dl_ctx *c, dl_tensor *w, dl_real low, dl_real high);
DL_API void dl_init_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std);
DL_API void dl_init_constant(dl_ctx *c, dl_tensor *w, dl_real value);
DL_API void dl_init_trunc_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std, dl_real low, dl_real high);
DL_API void dl_init_orthogonal(dl_ctx *c, dl_tensor *w, dl_real gain);                     /* Saxe et al. 2014                    */
DL_API void dl_init_lecun_normal(dl_ctx *c, dl_tensor *w);                                 /* N(0, 1/fan_in), LeCun et al. 1998   */
DL_API void dl_init_lecun_uniform(dl_ctx *c, dl_tensor *w);
typedef struct { dl_real gain; int end_; } dl_init_xavier_uniform_opts;                    /* 1 */
typedef dl_init_xavier_uniform_opts dl_init_xavier_normal_opts;
DL_API void dl_init_xavier_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_uniform_opts o);   /* U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)), Glorot and Bengio 2010 */
DL_API void dl_init_xavier_normal_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_normal_opts o);     /* N(0, gain^2 2 / (fan_in + fan_out)) */
typedef struct { dl_real gain; dl_fan mode; int end_; } dl_init_he_uniform_opts;           /* gain: sqrt(2), for ReLU             */
typedef dl_init_he_uniform_opts dl_init_he_normal_opts;
DL_API void dl_init_he_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_he_uniform_opts o);   /* U(-a, a), a = gain sqrt(3 / fan), He et al. 2015 */
DL_API void dl_init_he_normal_with(dl_ctx *c, dl_tensor *w, dl_init_he_normal_opts o);     /* N(0, gain^2 / fan)                  */
#define dl_init_xavier_uniform(...)  DLI_KW2(dl_init_xavier_uniform, __VA_ARGS__)
#define dl_init_xavier_normal(...)   DLI_KW2(dl_init_xavier_normal, __VA_ARGS__)
#define dl_init_he_uniform(...)      DLI_KW2(dl_init_he_uniform, __VA_ARGS__)
#define dl_init_he_normal(...)       DLI_KW2(dl_init_he_normal, __VA_ARGS__)
#define dl_init_kaiming_uniform dl_init_he_uniform
#define dl_init_kaiming_normal  dl_init_he_normal
DL_API double dl_init_gain(const char *nonlinearity);                                      /* "relu" sqrt(2), "tanh" 5/3, "linear" and "sigmoid" 1, else NaN */

/* --- optimizers: one fused pass over the parameters of a module, defaults as in torch.optim ------ */
typedef struct { dl_real lr, momentum, dampening, weight_decay; int nesterov; int end_; } dl_optim_sgd_opts;   /* lr 1e-3 */
typedef struct { dl_real lr, beta1, beta2, eps, weight_decay; int end_; } dl_optim_adam_opts;  /* 1e-3, .9, .999, 1e-8, 0; -1 for an exact 0 of beta or eps */
typedef dl_optim_adam_opts dl_optim_adamw_opts;                                                /* weight_decay 1e-2, -1 for 0; decoupled (Loshchilov and Hutter 2019) */
DL_API dl_optim *dl_optim_sgd_with(dl_ctx *c, dl_module *m, dl_optim_sgd_opts o);
DL_API dl_optim *dl_optim_adam_with(dl_ctx *c, dl_module *m, dl_optim_adam_opts o);            /* Kingma and Ba 2015 */
DL_API dl_optim *dl_optim_adamw_with(dl_ctx *c, dl_module *m, dl_optim_adamw_opts o);
#define dl_optim_sgd(...)   DLI_KW2(dl_optim_sgd, __VA_ARGS__)
#define dl_optim_adam(...)  DLI_KW2(dl_optim_adam, __VA_ARGS__)
#define dl_optim_adamw(...) DLI_KW2(dl_optim_adamw, __VA_ARGS__)
DL_API int     dl_optim_step(dl_ctx *c, dl_optim *o);                                      /* update, then clear the gradients; 0 while an error stands */
DL_API dl_real dl_optim_lr(const dl_optim *o);
DL_API void    dl_optim_set_lr(dl_optim *o, dl_real lr);
DL_API double  dl_clip_grad_norm(dl_ctx *c, dl_module *m, double max_norm);                /* returns the norm before clipping   */
DL_API void    dl_clip_grad_value(dl_ctx *c, dl_module *m, double max_value);

/* --- data ----------------------------------------------------------------------------------------
   A data set is n samples: inputs (n, ...) and targets, either int32 (n) or real (n, ...). */
typedef struct dl_dataset {
    dl_tensor *inputs, *targets;         /* kept                                            */
    int64_t    size;
    int        classes;                  /* of int32 targets: the largest + 1; else 0       */
} dl_dataset;
DL_API dl_dataset *dl_data_tensors(dl_ctx *c, dl_tensor *inputs, dl_tensor *targets);      /* keeps copies unless they are kept  */
typedef struct { int train; int end_; } dl_data_mnist_opts;                                /* 1: the 60,000, 0: the 10,000       */
DL_API dl_dataset *dl_data_mnist_with(dl_ctx *c, const char *folder, dl_data_mnist_opts o);/* (n, 1, 28, 28) in [0, 1], labels   */
#define dl_data_mnist(...) DLI_KW2(dl_data_mnist, __VA_ARGS__)
DL_API dl_tensor  *dl_data_idx(dl_ctx *c, const char *path);                               /* an IDX file; bytes become int32    */
DL_API dl_dataset *dl_data_drawn_digits(dl_ctx *c, int64_t n, uint64_t seed);              /* (n, 1, 28, 28): digits drawn by code, moved, turned, thickened, noisy */

typedef struct dl_loader {
    dl_tensor *input, *target;           /* the batch: lives in the step                    */
    int64_t    batches;                  /* in an epoch                                     */
    int64_t    index;                    /* of the batch, counted from 0                    */
    int64_t    epoch;
    /* private */
    dl_dataset *data;
    int64_t     batch_size;
    int         shuffle, drop_last;
    int64_t     position;
    int32_t    *order;
} dl_loader;
typedef struct { int64_t batch_size; int shuffle, drop_last; int end_; } dl_loader_create_opts;   /* 1, as in PyTorch */
DL_API dl_loader *dl_loader_create_with(dl_ctx *c, dl_dataset *d, dl_loader_create_opts o);
#define dl_loader_create(...) DLI_KW2(dl_loader_create, __VA_ARGS__)
DL_API int dl_next_batch(dl_ctx *c, dl_loader *l);             /* begins a step; 0 at the end of an epoch (the next call starts another) or after an error */

typedef struct { double loss, accuracy; } dl_scores;           /* means over the data set; accuracy 0 if targets are real */
typedef dl_tensor *(*dl_loss_fn)(dl_ctx *c, dl_tensor *output, dl_tensor *target);
typedef struct { int64_t batch_size; dl_loss_fn loss; int end_; } dl_evaluate_opts;         /* 256; cross-entropy for labels, else MSE */
DL_API dl_scores dl_evaluate_with(dl_ctx *c, dl_module *m, dl_dataset *d, dl_evaluate_opts o);
#define dl_evaluate(...) DLI_KW3(dl_evaluate, __VA_ARGS__)

typedef struct {
    dl_dataset *validation;
    int         epochs;                  /* 1                                               */
    int64_t     batch_size;              /* 64                                              */
    dl_real     label_smoothing;
    double      clip_norm;               /* 0: none                                         */
    dl_loss_fn  loss;                    /* cross-entropy for labels, else MSE              */
    int         no_shuffle;
    int         quiet;                   /* 1: no progress bar                              */
    int end_;
} dl_fit_opts;
DL_API dl_scores dl_fit_with(dl_ctx *c, dl_module *m, dl_optim *o, dl_dataset *train, dl_fit_opts opts);   /* scores of the last epoch */
#define dl_fit(...) DLI_KW4(dl_fit, __VA_ARGS__)

/* --- printing ------------------------------------------------------------------------------------ */
#ifndef DL_NO_STDIO
DL_API void dl_print(const dl_tensor *x);                       /* to stdout, large ones abridged              */
DL_API void dl_fprint(FILE *f, const dl_tensor *x);
DL_API void dl_summary(dl_ctx *c, dl_module *m, dl_dataset *d); /* layer, output shape, parameters, memory, MACs, to stdout */
#endif

#endif /* DL_H */

#if defined(DL_IMPLEMENTATION) && !defined(DLI_DONE)
#define DLI_DONE                    /* a second include with DL_IMPLEMENTATION still set is harmless */

/* ================================================================================================
   >>platform    compilers, instruction sets, threads, memory functions
   ================================================================================================ */
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <limits.h>
#ifdef DL_DOUBLE
#include <math.h>                   /* the double build, for checks only, takes its functions from libm: link with -lm */
#endif

#if defined(DL_MALLOC) && defined(DL_REALLOC) && defined(DL_FREE)
#elif defined(DL_MALLOC) || defined(DL_REALLOC) || defined(DL_FREE)
#error "dl.h: define all of DL_MALLOC, DL_REALLOC and DL_FREE, or none"
#else
#define DL_MALLOC  malloc
#define DL_REALLOC realloc
#define DL_FREE    free
#endif

#if (defined(__GNUC__) || defined(__clang__)) && !defined(__TINYC__)
#define DLI_RESTRICT __restrict__
#define DLI_INLINE   static __inline__ __attribute__((always_inline, unused))
#if (defined(__x86_64__) || defined(__i386__)) && !defined(DL_NO_SIMD) && !defined(DL_DOUBLE)
#define DLI_X86 1
#include <immintrin.h>
#endif
#else
#define DLI_RESTRICT
#define DLI_INLINE   static
#endif
#ifndef DLI_X86
#define DLI_X86 0
#endif

#if defined(_OPENMP) && !defined(DL_NO_OPENMP)
#include <omp.h>
#define DLI_OPENMP 1
#else
#define DLI_OPENMP 0
#endif

#define DLI_C(x) ((dl_real)(x))     /* a constant of the number type: no double arithmetic in the float build */

#if defined(__SANITIZE_ADDRESS__)
#define DLI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DLI_ASAN 1
#endif
#endif
#ifdef DLI_ASAN                     /* an arena hides overflows from the sanitizer: what is not handed out is poisoned */
#include <sanitizer/asan_interface.h>
#define DLI_POISON(p, n)   __asan_poison_memory_region(p, n)
#define DLI_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define DLI_POISON(p, n)   ((void)(p), (void)(n))
#define DLI_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

DLI_INLINE int64_t dli_min64(int64_t a, int64_t b) { return a < b ? a : b; }
DLI_INLINE int64_t dli_max64(int64_t a, int64_t b) { return a > b ? a : b; }
DLI_INLINE int     dli_or(int value, int usual)    { return value == DL_ZERO ? 0 : value ? value : usual; }
/* Real options: 0 means the usual, -1 an exact 0. */
DLI_INLINE dl_real dli_or_real(dl_real value, double usual) { return value == -1 ? 0 : value != 0 ? value : (dl_real)usual; }
#define DLI_KERNELS_GEMM(K)
#define DLI_KERNELS_ROWS(K)

/* ================================================================================================
   >>kernels     what depends on the instruction set: one list, one table, one text in >>simd

   A kernel does arithmetic on pointers and lengths and nothing else.  Its text stands once, in >>simd at the end of this
   file, which is compiled here once per instruction set: the file includes itself.  Every kernel gives the same bits on
   every instruction set, because each output element is one fixed sequence of IEEE operations:
   fused multiply-add only where dli_fma or dlv_fma is written, reductions over 16 virtual lanes and a fixed tree,
   functions (exp, log, ...) from the same polynomials.  To add a kernel: one row here, one body in >>simd.
   ================================================================================================ */
#ifndef DL_FILENAME
#define DL_FILENAME "dl.h"          /* define this if you rename the file */
#endif

/* Elementwise kernels, made from the rows of DL_UNARY_OPS and so on: out[i] = f(in[0][i], in[1][i], ..; s[0], s[1]).
   out may not overlap an input. */
typedef void dli_map(dl_real *DLI_RESTRICT out, const dl_real *const *in, int64_t n, const dl_real *s);

#define DLI_KERNELS(K)                                                                                                 \
/* reductions over n elements, n > 0 */                                                                                \
    K(dl_real, sum,     (const dl_real *x, int64_t n))                                                                 \
    K(dl_real, dot,     (const dl_real *x, const dl_real *y, int64_t n))                                               \
    K(dl_real, max,     (const dl_real *x, int64_t n))                                                                 \
    K(dl_real, min,     (const dl_real *x, int64_t n))                                                                 \
/* y += a x */                                                                                                         \
    K(void,    axpy,    (dl_real *y, dl_real a, const dl_real *x, int64_t n))                                          \
DLI_KERNELS_GEMM(K)                                                                                                    \
DLI_KERNELS_ROWS(K)

typedef struct {
    const char *isa;                /* "portable", "avx2", "avx512"                      */
    int         mr, nr;             /* rows and columns of the GEMM tile                 */
#define DLI_FIELD(ret, name, args)   ret (*name) args;
    DLI_KERNELS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f, dx)       dli_map *f_##name, *dx_##name;
    DL_UNARY_OPS(DLI_FIELD) DL_UNARY_SCALAR_OPS(DLI_FIELD) DL_UNARY_RANGE_OPS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f, da, db)   dli_map *f_##name, *da_##name, *db_##name;
    DL_BINARY_OPS(DLI_FIELD) DL_TERNARY_OPS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f)           dli_map *f_##name;
    DL_COMPARE_OPS(DLI_FIELD)
#undef DLI_FIELD
} dli_kernels;

/* The vocabulary of >>simd.  A dlv is always 16 lanes: one 512-bit register, two of 256, or an array. */
#define DLI_PASTE_(a, b) a##b
#define DLI_PASTE(a, b)  DLI_PASTE_(a, b)
#define DLI_FN(name)     DLI_PASTE(name, DLI_SUFFIX)
#define dlv        DLI_FN(dlv_t)
#define dlv_load   DLI_FN(dlv_load_)
#define dlv_load_n DLI_FN(dlv_load_n_)
#define dlv_store  DLI_FN(dlv_store_)
#define dlv_store_n DLI_FN(dlv_store_n_)
#define dlv_set    DLI_FN(dlv_set_)
#define dlv_add    DLI_FN(dlv_add_)
#define dlv_sub    DLI_FN(dlv_sub_)
#define dlv_mul    DLI_FN(dlv_mul_)
#define dlv_div    DLI_FN(dlv_div_)
#define dlv_fma    DLI_FN(dlv_fma_)
#define dlv_max    DLI_FN(dlv_max_)
#define dlv_min    DLI_FN(dlv_min_)
#define dlv_sum    DLI_FN(dlv_sum_)
#define dlv_hmax   DLI_FN(dlv_hmax_)
#define dlv_hmin   DLI_FN(dlv_hmin_)

#define DLI_ISA 0                   /* portable C, always there */
#include DL_FILENAME
#if DLI_X86
#define DLI_ISA 1                   /* AVX2 + FMA */
#include DL_FILENAME
#define DLI_ISA 2                   /* AVX-512 */
#include DL_FILENAME
#endif

/* The tables, best first.  Each is const and complete: choosing one is a pointer in the context. */
static const dli_kernels *dli_choose_kernels(const char *isa)
{
    const dli_kernels *table[3];
    int n = 0, i;
#if DLI_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) table[n++] = &dli_kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) table[n++] = &dli_kernels_avx2;
#endif
    table[n++] = &dli_kernels_portable;
    if (!isa) return table[0];
    for (i = 0; i < n; i++) if (!strcmp(isa, table[i]->isa)) return table[i];
    return NULL;
}

/* ================================================================================================
   >>arena       two lifetimes: keep and step
   ================================================================================================
   An arena is a list of malloc blocks, each twice as large as the one before, filled from the front.  Resetting one
   is O(1), and keeps the blocks, so that a training step that fits once never calls malloc again. */
typedef struct dli_block dli_block;
struct dli_block {
    dli_block *next;
    size_t     size, used;              /* bytes behind the header                             */
    char      *base;                    /* 64-byte aligned                                     */
};
typedef struct {
    dli_block *first, *current;
    size_t     next_size;
    size_t     bytes, peak;             /* in use; the most at any time                        */
} dli_arena;
typedef struct { dli_block *block; size_t used, bytes; } dli_mark;

/* ================================================================================================
   >>context     state, errors, threads
   ================================================================================================ */
#define DLI_ERROR_SIZE 512
#define DLI_MAX_THREADS 256

typedef struct dli_spare { struct dli_spare *next; size_t cap; } dli_spare;   /* a spent gradient buffer */

struct dl_ctx {
    const dli_kernels *k;               /* kernels of the chosen instruction set               */
    int        threads;
    int        grad_enabled, training;
    int        failed;                  /* an error stands                                     */
    dl_tensor *tape;                    /* the last recorded result                            */
    dli_arena  keep, step;
    dli_spare *spare;
    uint64_t   seed, calls;             /* random numbers: key, and calls made so far          */
    size_t     l1d, l2, l3;
    char       error[DLI_ERROR_SIZE];
};

static const dl_real   dli_nan_data[2] = {(dl_real)0, (dl_real)0};
static const dl_tensor dli_nil_tensor = {(dl_real *)0, (int32_t *)0, (dl_real *)0, {0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, DL_REAL, 0,
                                         (const dl_op *)0, (dl_tensor **)0, 0, 0, (void *)0, (void *)0, (dl_tensor *)0, (dl_real *)0, 0};
#define DLI_NIL ((dl_tensor *)&dli_nil_tensor)

DL_DEF int dl_is_nil(const dl_tensor *x) { return !x || x == &dli_nil_tensor; }

/* --- arena ---------------------------------------------------------------------------------------- */
#define DLI_ALIGN 64
#define DLI_MAX_BYTES ((uint64_t)PTRDIFF_MAX - 4096)

static dli_block *dli_block_create(size_t size)
{
    dli_block *b;
    if (size > DLI_MAX_BYTES - sizeof *b - DLI_ALIGN) return NULL;
    b = (dli_block *)DL_MALLOC(sizeof *b + DLI_ALIGN + size);
    if (!b) return NULL;
    b->next = NULL;
    b->size = size;
    b->used = 0;
    b->base = (char *)(((uintptr_t)(b + 1) + DLI_ALIGN - 1) & ~(uintptr_t)(DLI_ALIGN - 1));
    DLI_POISON(b->base, b->size);
    return b;
}

static void dli_arena_free(dli_arena *a)
{
    dli_block *b = a->first, *next;
    for (; b; b = next) {
        next = b->next;
        DLI_UNPOISON(b->base, b->size);
        DL_FREE(b);
    }
    a->first = a->current = NULL;
    a->bytes = 0;
}

/* NULL if malloc fails; the arena stays as it was. */
static void *dli_arena_push(dli_arena *a, size_t bytes)
{
    dli_block *b = a->current, **link;
    void *p;
    if (bytes > DLI_MAX_BYTES - DLI_ALIGN) return NULL;
    bytes = (bytes + DLI_ALIGN - 1) & ~(size_t)(DLI_ALIGN - 1);
    if (!b || b->size - b->used < bytes) {
        for (link = b ? &b->next : &a->first; *link && (*link)->size < bytes; link = &(*link)->next) {}
        b = *link;
        if (!b) {
            size_t size = a->next_size > bytes ? a->next_size : bytes;
            b = dli_block_create(size);
            if (!b && size > bytes) b = dli_block_create(bytes);
            if (!b) return NULL;
            *link = b;
            if (a->next_size < ((size_t)1 << 30)) a->next_size *= 2;
        }
        b->used = 0;
        a->current = b;
    }
    p = b->base + b->used;
    b->used += bytes;
    a->bytes += bytes;
    if (a->bytes > a->peak) a->peak = a->bytes;
    DLI_UNPOISON(p, bytes);
    return p;
}

static dli_mark dli_arena_mark(const dli_arena *a)
{
    dli_mark m;
    m.block = a->current;
    m.used = a->current ? a->current->used : 0;
    m.bytes = a->bytes;
    return m;
}

/* Gives back everything pushed since the mark; the zero mark gives back all. */
static void dli_arena_release(dli_arena *a, dli_mark m)
{
    dli_block *b = m.block ? m.block : a->first;
#ifdef DLI_ASAN
    dli_block *p;
    for (p = b ? b->next : NULL; p; p = p->next) DLI_POISON(p->base, p->size);
    if (b) DLI_POISON(b->base + m.used, b->size - m.used);
#endif
    if (b) b->used = m.used;
    a->current = b;
    a->bytes = m.bytes;
}

/* --- errors ---------------------------------------------------------------------------------------
   A formatter of our own: no stdio, and %t prints the shape of a tensor. */
typedef struct { char *p; size_t left; } dli_text;

static void dli_put(dli_text *t, const char *s)
{
    for (; *s && t->left > 1; s++, t->left--) *t->p++ = *s;
    *t->p = 0;
}

static void dli_put_int(dli_text *t, int64_t v)
{
    char buf[24], *p = buf + sizeof buf - 1;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    *p = 0;
    do *--p = (char)('0' + u % 10); while (u /= 10);
    if (v < 0) *--p = '-';
    dli_put(t, p);
}

static void dli_put_real(dli_text *t, double v)          /* six significant digits, 0.00123 or 1.23e-7 */
{
    int exponent = 0, i;
    char buf[2] = {0, 0};
    if (v != v) { dli_put(t, "nan"); return; }
    if (v < 0) { dli_put(t, "-"); v = -v; }
    if (v > 1.7976931348623157e308) { dli_put(t, "inf"); return; }
    if (v == 0) { dli_put(t, "0"); return; }
    while (v >= 10) v /= 10, exponent++;
    while (v < 1) v *= 10, exponent--;
    v += 0.000005;
    if (v >= 10) v /= 10, exponent++;
    {
        char digit[6];
        int last, point = exponent < -4 || exponent > 8 ? 0 : exponent;
        for (i = 0; i < 6; i++) { digit[i] = (char)('0' + (int)v); v = (v - (int)v) * 10; }
        for (last = 5; last > 0 && digit[last] == '0'; last--) {}
        if (point < 0) { dli_put(t, "0."); for (i = -1; i > point; i--) dli_put(t, "0"); }
        for (i = 0; i <= last || i <= point; i++) {
            if (i > 0 && i == point + 1) dli_put(t, ".");
            buf[0] = i < 6 ? digit[i] : '0';
            dli_put(t, buf);
        }
        if (point != exponent) { dli_put(t, "e"); dli_put_int(t, exponent); }
    }
}

static void dli_put_shape(dli_text *t, const dl_tensor *x)
{
    int i;
    if (dl_is_nil(x)) { dli_put(t, "nil"); return; }
    dli_put(t, "(");
    for (i = 0; i < x->ndim; i++) {
        if (i) dli_put(t, ",");
        dli_put_int(t, x->shape[i]);
    }
    dli_put(t, ")");
}

DL_DEF dl_tensor *dl_fail(dl_ctx *c, const char *format, ...)
{
    va_list args;
    dli_text t;
    char one[2] = {0, 0};
    if (!c || c->failed) return DLI_NIL;
    c->failed = 1;
    t.p = c->error;
    t.left = sizeof c->error;
    *t.p = 0;
    va_start(args, format);
    for (; *format; format++) {
        if (*format != '%') { one[0] = *format; dli_put(&t, one); continue; }
        switch (*++format) {
        case 's': dli_put(&t, va_arg(args, const char *)); break;
        case 'd': dli_put_int(&t, va_arg(args, int)); break;
        case 'l': dli_put_int(&t, va_arg(args, int64_t)); break;
        case 'g': dli_put_real(&t, va_arg(args, double)); break;
        case 't': dli_put_shape(&t, va_arg(args, const dl_tensor *)); break;
        case '%': dli_put(&t, "%"); break;
        default:  format--; break;
        }
    }
    va_end(args);
#if defined(DL_DEBUG) && !defined(DL_NO_STDIO)
    fprintf(stderr, "dl.h: %s\n", c->error);
#endif
    return DLI_NIL;
}

DL_DEF const char *dl_error(const dl_ctx *c)
{
    return !c ? "dl_create: out of memory" : c->failed ? c->error : NULL;
}
DL_DEF void dl_clear_error(dl_ctx *c) { if (c) { c->failed = 0; c->error[0] = 0; } }

/* Bytes of count elements, or 0 after dl_fail.  Nothing else multiplies sizes that come from outside. */
static int dli_size(dl_ctx *c, const char *who, int ndim, const int64_t *shape, size_t elem, int64_t *count)
{
    uint64_t n = 1, limit = DLI_MAX_BYTES / elem;
    int i;
    if (ndim < 0 || ndim > DL_MAX_DIMS) { dl_fail(c, "%s: %d axes, at most %d", who, ndim, DL_MAX_DIMS); return 0; }
    for (i = 0; i < ndim; i++) {
        if (shape[i] <= 0) { dl_fail(c, "%s: axis %d has size %l", who, i, shape[i]); return 0; }
        if ((uint64_t)shape[i] > limit / n) { dl_fail(c, "%s: axis %d of size %l makes the tensor too large", who, i, shape[i]); return 0; }
        n *= (uint64_t)shape[i];
    }
    *count = (int64_t)n;
    return 1;
}

DL_DEF void *dl_alloc(dl_ctx *c, size_t bytes)
{
    void *p = c ? dli_arena_push(&c->step, bytes) : NULL;
    if (!p) dl_fail(c, "out of memory: %l bytes for this step", (int64_t)bytes);
    return p;
}

DL_DEF void *dl_alloc_keep(dl_ctx *c, size_t bytes)
{
    void *p = c ? dli_arena_push(&c->keep, bytes) : NULL;
    if (!p) { dl_fail(c, "out of memory: %l bytes to keep", (int64_t)bytes); return NULL; }
    memset(p, 0, bytes);
    return p;
}

/* --- threads: the one place that knows OpenMP -------------------------------------------------------
   Runs task(arg, i, worker) for 0 <= i < n, 0 <= worker < c->threads.  Which worker runs which i changes from
   run to run, so results may depend on i only.  Inside a parallel region of the user it runs serially. */
typedef void dli_task(void *arg, int64_t i, int worker);

static void dli_parallel(const dl_ctx *c, int64_t n, dli_task *task, void *arg)
{
    int64_t i;
#if DLI_OPENMP
    if (c->threads > 1 && n > 1 && !omp_in_parallel()) {
        int t = n < c->threads ? (int)n : c->threads;
#pragma omp parallel for schedule(static) num_threads(t)
        for (i = 0; i < n; i++) task(arg, i, omp_get_thread_num());
        return;
    }
#endif
    (void)c;
    for (i = 0; i < n; i++) task(arg, i, 0);
}

/* --- caches: only block sizes depend on them, never a result ---------------------------------------- */
#if DLI_X86
static void dli_cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
#if defined(__i386__) && defined(__PIC__)
    __asm__ volatile("xchgl %%ebx, %1\n\tcpuid\n\txchgl %%ebx, %1" : "=a"(r[0]), "=r"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(sub));
#else
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(sub));
#endif
}
#endif

static void dli_caches(dl_ctx *c)
{
#if DLI_X86
    uint32_t r[4], leaf = 4, i;
    dli_cpuid(0, 0, r);
    if (r[1] == 0x68747541) {                                         /* "Auth"enticAMD: the same layout at another leaf */
        dli_cpuid(0x80000000u, 0, r);
        leaf = r[0] >= 0x8000001Du ? 0x8000001Du : 0;
    } else if (r[0] < 4) leaf = 0;
    for (i = 0; leaf && i < 8; i++) {
        size_t bytes;
        uint32_t level;
        dli_cpuid(leaf, i, r);
        if (!(r[0] & 31)) break;
        if ((r[0] & 31) == 2) continue;                               /* instructions */
        level = r[0] >> 5 & 7;
        bytes = (size_t)((r[1] >> 22) + 1) * ((r[1] >> 12 & 1023) + 1) * ((r[1] & 4095) + 1) * ((size_t)r[2] + 1);
        if (level == 1) c->l1d = bytes;
        if (level == 2) c->l2 = bytes;
        if (level == 3) c->l3 = bytes;
    }
#endif
    (void)c;
}

/* --- life ------------------------------------------------------------------------------------------- */
static dl_ctx *dli_context_fail(dl_ctx *c, const char *isa)
{
    dl_fail(c, "dl_create: instruction set \"%s\" is unknown or this machine lacks it; \"portable\" is always there", isa);
    return c;
}

DL_DEF dl_ctx *dl_create_with(dl_create_opts o)
{
    dl_ctx *c = (dl_ctx *)DL_MALLOC(sizeof *c);
    const char *isa = o.isa ? o.isa : getenv("DL_ISA");
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    if (isa && !*isa) isa = NULL;
    c->k = dli_choose_kernels(isa);
#if DLI_OPENMP
    c->threads = o.threads > 0 ? o.threads : omp_get_max_threads();
#else
    c->threads = 1;
#endif
    if (c->threads > DLI_MAX_THREADS) c->threads = DLI_MAX_THREADS;
    c->grad_enabled = !o.no_grad;
    c->training = 1;
    c->seed = o.seed;
    c->keep.next_size = c->step.next_size = o.block_bytes ? o.block_bytes : (size_t)1 << 20;
    dli_caches(c);
    if (!c->k) { c->k = dli_choose_kernels("portable"); return dli_context_fail(c, isa); }
    return c;
}

DL_DEF void dl_destroy(dl_ctx *c)
{
    if (!c) return;
    dli_arena_free(&c->keep);
    dli_arena_free(&c->step);
    DL_FREE(c);
}

DL_DEF void dl_step_begin(dl_ctx *c)
{
    dli_mark start = {NULL, 0, 0};
    if (!c) return;
    dli_arena_release(&c->step, start);
    c->tape = NULL;
    c->spare = NULL;
}

DL_DEF int dl_set_grad_enabled(dl_ctx *c, int on) { int old = c ? c->grad_enabled : 0; if (c) c->grad_enabled = on; return old; }
DL_DEF int dl_set_training(dl_ctx *c, int on)     { int old = c ? c->training : 0; if (c) c->training = on; return old; }
DL_DEF int dl_is_training(const dl_ctx *c)        { return c && c->training; }
DL_DEF void dl_manual_seed(dl_ctx *c, uint64_t seed) { if (c) { c->seed = seed; c->calls = 0; } }

DL_DEF dl_information dl_info(const dl_ctx *c)
{
    dl_information i;
    memset(&i, 0, sizeof i);
    i.version = DL_VERSION_STRING;
    i.openmp = DLI_OPENMP;
#ifdef DL_DOUBLE
    i.precision = "double";
#else
    i.precision = "float highest";
#endif
    if (!c) return i;
    i.isa = c->k->isa;
    i.threads = c->threads;
    i.l1d_bytes = c->l1d;
    i.l2_bytes = c->l2;
    i.l3_bytes = c->l3;
    return i;
}

DL_DEF dl_memory_report dl_memory(const dl_ctx *c)
{
    dl_memory_report m;
    const dli_block *b;
    memset(&m, 0, sizeof m);
    if (!c) return m;
    m.keep_bytes = c->keep.bytes;
    m.step_bytes = c->step.bytes;
    m.step_peak = c->step.peak;
    for (b = c->keep.first; b; b = b->next) m.reserved_bytes += b->size, m.blocks++;
    for (b = c->step.first; b; b = b->next) m.reserved_bytes += b->size, m.blocks++;
    return m;
}
DL_DEF int dl_gemm(dl_ctx *c, int trans_a, int trans_b, int64_t M, int64_t N, int64_t K, dl_real alpha, const dl_real *A, int64_t lda,
                   const dl_real *B, int64_t ldb, dl_real beta, dl_real *C, int64_t ldc)
{
    int64_t i, j, k;
    (void)c;
    for (i = 0; i < M; i++)
        for (j = 0; j < N; j++) {
            dl_real s = 0;
            for (k = 0; k < K; k++) s += (trans_a ? A[k * lda + i] : A[i * lda + k]) * (trans_b ? B[j * ldb + k] : B[k * ldb + j]);
            C[i * ldc + j] = alpha * s + (beta != 0 ? beta * C[i * ldc + j] : 0);
        }
    return 1;
}

#endif /* DL_IMPLEMENTATION */
#else  /* DLI_ISA */

/* ================================================================================================
   >>simd        compiled once per instruction set: vocabulary, functions, kernels
   ================================================================================================ */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__)
#pragma GCC push_options            /* fast without any -O flag; never contract a * b + c */
#pragma GCC optimize("O3", "fp-contract=off", "no-math-errno", "no-trapping-math")
#elif defined(__clang__)
#pragma float_control(push)
#pragma clang fp contract(off)
#endif

#if DLI_ISA == 0
#define DLI_SUFFIX _portable
#define DLI_TARGET
#define DLI_HAS_FMA 0
#elif DLI_ISA == 1
#define DLI_SUFFIX _avx2
#define DLI_TARGET __attribute__((target("avx2,fma")))
#define DLI_HAS_FMA 1
#elif DLI_ISA == 2
#define DLI_SUFFIX _avx512
#define DLI_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define DLI_HAS_FMA 1
#endif
#define DLI_V      DLI_INLINE DLI_TARGET              /* a helper that vanishes into the kernels */
#define DLI_KERNEL(ret, name) static DLI_TARGET ret DLI_FN(dli_##name)

/* fma(a, b, c) = a * b + c, rounded once, on every machine.  Without the instruction: the product of two floats is exact in
   double; its sum with c is rounded to odd (Boldo and Melquiond 2008), so that rounding to float again does no harm. */
#define dli_fma DLI_FN(dli_fma_)
#ifdef DL_DOUBLE
DLI_V double dli_fma(double a, double b, double c) { return a * b + c; }
#elif DLI_HAS_FMA || defined(__FP_FAST_FMAF)
DLI_V float dli_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
DLI_V float dli_fma(float a, float b, float c)
{
    double p = (double)a * b, s = p + c, t = s - p, e = (p - (s - t)) + (c - t);
    uint64_t bits;
    memcpy(&bits, &s, 8);
    if (e != 0 && !(bits & 1)) {    /* NaN and infinity: e is NaN or 0 and s keeps its value, see below */
        if (e - e == 0) bits += (e > 0) == (s > 0) ? 1 : (uint64_t)-1;
        memcpy(&s, &bits, 8);
    }
    return (float)s;
}
#endif

/* The vocabulary: 16 lanes.  load_n, store_n: the first n lanes, 0 < n < 16; the others read as fill.  sum, hmax, hmin: the
   tree 16 -> 8 -> 4 -> 2 -> 1.  max and min are a > b ? a : b, which every instruction set can do alike. */
#if DLI_ISA == 0
typedef struct { dl_real v[16]; } dlv;
#define DLI_LANES(expr) do { int l; for (l = 0; l < 16; l++) { expr; } } while (0)
DLI_V dlv  dlv_load(const dl_real *p) { dlv r; DLI_LANES(r.v[l] = p[l]); return r; }
DLI_V dlv  dlv_load_n(const dl_real *p, int64_t n, dl_real fill) { dlv r; DLI_LANES(r.v[l] = l < n ? p[l] : fill); return r; }
DLI_V void dlv_store(dl_real *p, dlv a) { DLI_LANES(p[l] = a.v[l]); }
DLI_V void dlv_store_n(dl_real *p, dlv a, int64_t n) { DLI_LANES(if (l < n) p[l] = a.v[l]); }
DLI_V dlv  dlv_set(dl_real x) { dlv r; DLI_LANES(r.v[l] = x); return r; }
DLI_V dlv  dlv_add(dlv a, dlv b) { DLI_LANES(a.v[l] += b.v[l]); return a; }
DLI_V dlv  dlv_sub(dlv a, dlv b) { DLI_LANES(a.v[l] -= b.v[l]); return a; }
DLI_V dlv  dlv_mul(dlv a, dlv b) { DLI_LANES(a.v[l] *= b.v[l]); return a; }
DLI_V dlv  dlv_div(dlv a, dlv b) { DLI_LANES(a.v[l] /= b.v[l]); return a; }
DLI_V dlv  dlv_fma(dlv a, dlv b, dlv c) { DLI_LANES(c.v[l] = dli_fma(a.v[l], b.v[l], c.v[l])); return c; }
DLI_V dlv  dlv_max(dlv a, dlv b) { DLI_LANES(a.v[l] = a.v[l] > b.v[l] ? a.v[l] : b.v[l]); return a; }
DLI_V dlv  dlv_min(dlv a, dlv b) { DLI_LANES(a.v[l] = a.v[l] < b.v[l] ? a.v[l] : b.v[l]); return a; }
#define DLI_TREE(step) { int w, l; for (w = 8; w > 0; w >>= 1) for (l = 0; l < w; l++) a.v[l] = step(a.v[l], a.v[l + w]); } return a.v[0];
#define DLI_PLUS(x, y) ((x) + (y))
#define DLI_GREATER(x, y) ((x) > (y) ? (x) : (y))
#define DLI_LESS(x, y) ((x) < (y) ? (x) : (y))
DLI_V dl_real dlv_sum(dlv a)  { DLI_TREE(DLI_PLUS) }
DLI_V dl_real dlv_hmax(dlv a) { DLI_TREE(DLI_GREATER) }
DLI_V dl_real dlv_hmin(dlv a) { DLI_TREE(DLI_LESS) }
#elif DLI_ISA == 1
typedef struct { __m256 a, b; } dlv;
DLI_V __m256i dli_mask_avx2(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
DLI_V dlv dlv_load(const float *p) { dlv r; r.a = _mm256_loadu_ps(p); r.b = _mm256_loadu_ps(p + 8); return r; }
DLI_V dlv dlv_load_n(const float *p, int64_t n, float fill)
{
    dlv r;
    __m256i m = dli_mask_avx2(n), k = dli_mask_avx2(n - 8);
    __m256 f = _mm256_set1_ps(fill);
    r.a = _mm256_blendv_ps(f, _mm256_maskload_ps(p, m), _mm256_castsi256_ps(m));
    r.b = _mm256_blendv_ps(f, _mm256_maskload_ps(p + 8, k), _mm256_castsi256_ps(k));
    return r;
}
DLI_V void dlv_store(float *p, dlv x) { _mm256_storeu_ps(p, x.a); _mm256_storeu_ps(p + 8, x.b); }
DLI_V void dlv_store_n(float *p, dlv x, int64_t n)
{
    _mm256_maskstore_ps(p, dli_mask_avx2(n), x.a);
    _mm256_maskstore_ps(p + 8, dli_mask_avx2(n - 8), x.b);
}
#define DLI_2(f, x, y) dlv r; r.a = f(x.a, y.a); r.b = f(x.b, y.b); return r
DLI_V dlv dlv_set(float x) { dlv r; r.a = r.b = _mm256_set1_ps(x); return r; }
DLI_V dlv dlv_add(dlv x, dlv y) { DLI_2(_mm256_add_ps, x, y); }
DLI_V dlv dlv_sub(dlv x, dlv y) { DLI_2(_mm256_sub_ps, x, y); }
DLI_V dlv dlv_mul(dlv x, dlv y) { DLI_2(_mm256_mul_ps, x, y); }
DLI_V dlv dlv_div(dlv x, dlv y) { DLI_2(_mm256_div_ps, x, y); }
DLI_V dlv dlv_max(dlv x, dlv y) { DLI_2(_mm256_max_ps, x, y); }
DLI_V dlv dlv_min(dlv x, dlv y) { DLI_2(_mm256_min_ps, x, y); }
DLI_V dlv dlv_fma(dlv x, dlv y, dlv z) { dlv r; r.a = _mm256_fmadd_ps(x.a, y.a, z.a); r.b = _mm256_fmadd_ps(x.b, y.b, z.b); return r; }
/* 8 -> 4 -> 2 -> 1 after the halves have met */
#define DLI_TREE8(f, f4, fs, x)                                                                    \
    __m256 s = f(x.a, x.b);                                                                        \
    __m128 t = f4(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));                         \
    t = f4(t, _mm_movehl_ps(t, t));                                                                \
    return _mm_cvtss_f32(fs(t, _mm_shuffle_ps(t, t, 1)))
DLI_V float dlv_sum(dlv x)  { DLI_TREE8(_mm256_add_ps, _mm_add_ps, _mm_add_ss, x); }
DLI_V float dlv_hmax(dlv x) { DLI_TREE8(_mm256_max_ps, _mm_max_ps, _mm_max_ss, x); }
DLI_V float dlv_hmin(dlv x) { DLI_TREE8(_mm256_min_ps, _mm_min_ps, _mm_min_ss, x); }
#elif DLI_ISA == 2
typedef __m512 dlv;
DLI_V __mmask16 dli_mask_avx512(int64_t n) { return (__mmask16)((1u << n) - 1); }
DLI_V dlv  dlv_load(const float *p) { return _mm512_loadu_ps(p); }
DLI_V dlv  dlv_load_n(const float *p, int64_t n, float fill) { return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), dli_mask_avx512(n), p); }
DLI_V void dlv_store(float *p, dlv x) { _mm512_storeu_ps(p, x); }
DLI_V void dlv_store_n(float *p, dlv x, int64_t n) { _mm512_mask_storeu_ps(p, dli_mask_avx512(n), x); }
DLI_V dlv  dlv_set(float x) { return _mm512_set1_ps(x); }
DLI_V dlv  dlv_add(dlv x, dlv y) { return _mm512_add_ps(x, y); }
DLI_V dlv  dlv_sub(dlv x, dlv y) { return _mm512_sub_ps(x, y); }
DLI_V dlv  dlv_mul(dlv x, dlv y) { return _mm512_mul_ps(x, y); }
DLI_V dlv  dlv_div(dlv x, dlv y) { return _mm512_div_ps(x, y); }
DLI_V dlv  dlv_max(dlv x, dlv y) { return _mm512_max_ps(x, y); }
DLI_V dlv  dlv_min(dlv x, dlv y) { return _mm512_min_ps(x, y); }
DLI_V dlv  dlv_fma(dlv x, dlv y, dlv z) { return _mm512_fmadd_ps(x, y, z); }
#define DLI_TREE16(f, f4, fs, x)                                                                   \
    __m256 s = f(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));                         \
    __m128 t = f4(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));                         \
    t = f4(t, _mm_movehl_ps(t, t));                                                                \
    return _mm_cvtss_f32(fs(t, _mm_shuffle_ps(t, t, 1)))
DLI_V float dlv_sum(dlv x)  { DLI_TREE16(_mm256_add_ps, _mm_add_ps, _mm_add_ss, x); }
DLI_V float dlv_hmax(dlv x) { DLI_TREE16(_mm256_max_ps, _mm_max_ps, _mm_max_ss, x); }
DLI_V float dlv_hmin(dlv x) { DLI_TREE16(_mm256_min_ps, _mm_min_ps, _mm_min_ss, x); }
#endif

/* --- >>math: functions from IEEE operations alone, plain C that the compiler vectorizes --------- */
#define dli_sqrt    DLI_FN(dli_sqrt_)
#define dli_exp     DLI_FN(dli_exp_)
#define dli_expm1   DLI_FN(dli_expm1_)
#define dli_log     DLI_FN(dli_log_)
#define dli_log1p   DLI_FN(dli_log1p_)
#define dli_sin     DLI_FN(dli_sin_)
#define dli_cos     DLI_FN(dli_cos_)
#define dli_tanh    DLI_FN(dli_tanh_)
#define dli_sigmoid DLI_FN(dli_sigmoid_)
#define dli_erf     DLI_FN(dli_erf_)
#define dli_pow     DLI_FN(dli_pow_)
#define S1(n) DLI_V dl_real dli_##n(dl_real x) { return (dl_real)__builtin_##n(x); }
S1(sqrt) S1(exp) S1(expm1) S1(log) S1(log1p) S1(sin) S1(cos) S1(tanh) S1(erf)
#undef S1
DLI_V dl_real dli_sigmoid(dl_real x) { return 1 / (1 + dli_exp(-x)); }
DLI_V dl_real dli_pow(dl_real x, dl_real y) { return (dl_real)__builtin_pow(x, y); }
DLI_KERNEL(dl_real, sum)(const dl_real *x, int64_t n) { dl_real s = 0; int64_t i; for (i = 0; i < n; i++) s += x[i]; return s; }
DLI_KERNEL(dl_real, dot)(const dl_real *x, const dl_real *y, int64_t n) { dl_real s = 0; int64_t i; for (i = 0; i < n; i++) s += x[i] * y[i]; return s; }
DLI_KERNEL(dl_real, max)(const dl_real *x, int64_t n) { dl_real s = x[0]; int64_t i; for (i = 1; i < n; i++) s = s > x[i] ? s : x[i]; return s; }
DLI_KERNEL(dl_real, min)(const dl_real *x, int64_t n) { dl_real s = x[0]; int64_t i; for (i = 1; i < n; i++) s = s < x[i] ? s : x[i]; return s; }
DLI_KERNEL(void, axpy)(dl_real *y, dl_real a, const dl_real *x, int64_t n) { int64_t i; for (i = 0; i < n; i++) y[i] = dli_fma(a, x[i], y[i]); }
#define DLI_MR 4
#define DLI_NR 16

/* --- elementwise kernels, one loop a row -------------------------------------------------------- */
#define DLI_MAP(name) DLI_KERNEL(void, name)(dl_real *DLI_RESTRICT out, const dl_real *const *in, int64_t n, const dl_real *s)
#define DLI_LOOP(loads, f) int64_t i; (void)s; for (i = 0; i < n; i++) { loads out[i] = (f); }
#define DLI_IN(k, v)       const dl_real v = in_##v[i]; (void)v;
#define DLI_AT(k, v)       const dl_real *in_##v = in[k];

#define DLI_ROW(name, f, dx)                                                                       \
    DLI_MAP(f_##name)  { DLI_AT(0, x) DLI_LOOP(DLI_IN(0, x), f) }                                  \
    DLI_MAP(dx_##name) { DLI_AT(0, x) DLI_AT(1, y) DLI_AT(2, g) DLI_LOOP(DLI_IN(0, x) DLI_IN(1, y) DLI_IN(2, g), dx) }
DL_UNARY_OPS(DLI_ROW)
#undef DLI_LOOP
#define DLI_LOOP(loads, f) const dl_real p = s[0], q = s[1]; int64_t i; (void)p; (void)q; for (i = 0; i < n; i++) { loads out[i] = (f); }
DL_UNARY_SCALAR_OPS(DLI_ROW)
DL_UNARY_RANGE_OPS(DLI_ROW)
#undef DLI_ROW
#undef DLI_LOOP
#define DLI_LOOP(loads, f) int64_t i; (void)s; for (i = 0; i < n; i++) { loads out[i] = (f); }
#define DLI_2AT            DLI_AT(0, a) DLI_AT(1, b)
#define DLI_2IN            DLI_IN(0, a) DLI_IN(1, b)
#define DLI_ROW(name, f, da, db)                                                                   \
    DLI_MAP(f_##name)  { DLI_2AT DLI_LOOP(DLI_2IN, f) }                                            \
    DLI_MAP(da_##name) { DLI_2AT DLI_AT(2, y) DLI_AT(3, g) DLI_LOOP(DLI_2IN DLI_IN(2, y) DLI_IN(3, g), da) } \
    DLI_MAP(db_##name) { DLI_2AT DLI_AT(2, y) DLI_AT(3, g) DLI_LOOP(DLI_2IN DLI_IN(2, y) DLI_IN(3, g), db) }
DL_BINARY_OPS(DLI_ROW)
#undef DLI_ROW
#define DLI_ROW(name, f)   DLI_MAP(f_##name) { DLI_2AT DLI_LOOP(DLI_2IN, f) }
DL_COMPARE_OPS(DLI_ROW)
#undef DLI_ROW
#undef DLI_2AT
#undef DLI_2IN
#define DLI_3AT            DLI_AT(0, m) DLI_AT(1, a) DLI_AT(2, b)
#define DLI_3IN            DLI_IN(0, m) DLI_IN(1, a) DLI_IN(2, b)
#define DLI_ROW(name, f, da, db)                                                                   \
    DLI_MAP(f_##name)  { DLI_3AT DLI_LOOP(DLI_3IN, f) }                                            \
    DLI_MAP(da_##name) { DLI_3AT DLI_AT(3, y) DLI_AT(4, g) DLI_LOOP(DLI_3IN DLI_IN(3, y) DLI_IN(4, g), da) } \
    DLI_MAP(db_##name) { DLI_3AT DLI_AT(3, y) DLI_AT(4, g) DLI_LOOP(DLI_3IN DLI_IN(3, y) DLI_IN(4, g), db) }
DL_TERNARY_OPS(DLI_ROW)
#undef DLI_ROW
#undef DLI_3AT
#undef DLI_3IN
#undef DLI_AT
#undef DLI_IN
#undef DLI_LOOP
#undef DLI_MAP

/* --- the table of this instruction set ---------------------------------------------------------- */
#define DLI_QUOTE_(x) #x
#define DLI_QUOTE(x)  DLI_QUOTE_(x)
static const dli_kernels DLI_FN(dli_kernels) = {
    DLI_QUOTE(DLI_SUFFIX) + 1, DLI_MR, DLI_NR,
#define DLI_FIELD(ret, name, args)   DLI_FN(dli_##name),
    DLI_KERNELS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f, dx)       DLI_FN(dli_f_##name), DLI_FN(dli_dx_##name),
    DL_UNARY_OPS(DLI_FIELD) DL_UNARY_SCALAR_OPS(DLI_FIELD) DL_UNARY_RANGE_OPS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f, da, db)   DLI_FN(dli_f_##name), DLI_FN(dli_da_##name), DLI_FN(dli_db_##name),
    DL_BINARY_OPS(DLI_FIELD) DL_TERNARY_OPS(DLI_FIELD)
#undef DLI_FIELD
#define DLI_FIELD(name, f)           DLI_FN(dli_f_##name),
    DL_COMPARE_OPS(DLI_FIELD)
#undef DLI_FIELD
};
#undef DLI_QUOTE_
#undef DLI_QUOTE

#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__)
#pragma GCC pop_options
#elif defined(__clang__)
#pragma float_control(pop)
#endif
#undef DLI_MR
#undef DLI_NR
#undef DLI_LANES
#undef DLI_SUFFIX
#undef DLI_TARGET
#undef DLI_HAS_FMA
#undef DLI_ISA
#endif /* DLI_ISA */
