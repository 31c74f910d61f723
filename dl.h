/* dl.h - deep learning in one C header                                   SPDX-License-Identifier: MIT OR Unlicense

   >>manual

   In ONE source file, before including this file,

       #define DL_IMPLEMENTATION

   and compile it with  cc program.c  : no library, no build system, no flags.  -O2 makes your own code fast (the kernels
   are fast without it under gcc; clang wants it), -fopenmp uses all cores.

   The first program
   -----------------
       #define DL_IMPLEMENTATION
       #include "dl.h"
       #include <stdio.h>

       int main(void)
       {
           static const float in[] = {0,0, 0,1, 1,0, 1,1}, out[] = {0, 1, 1, 0};

           dl_ctx *c = dl_create(.seed = 1);
           dl_tensor *x = dl_keep(c, dl_tensor_from(c, in, DL_SHAPE(4, 2)));
           dl_tensor *t = dl_keep(c, dl_tensor_from(c, out, DL_SHAPE(4, 1)));

           dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 8), dl_nn_tanh(c), dl_nn_linear(c, 8, 1));
           dl_optim  *opt = dl_optim_adam(c, net, .lr = 0.05f);

           for (int step = 0; step < 500; step++) {
               dl_step_begin(c);                                         // forget the previous step's tensors
               dl_tensor *loss = dl_bce_with_logits(c, dl_forward(c, net, x), t);
               dl_backward(c, loss);
               dl_optim_step(c, opt);                                    // update, then clear the gradients
               if (step % 100 == 0) printf("%3d  %.4f\n", step, dl_item(loss));
           }
           if (dl_error(c)) { fprintf(stderr, "%s\n", dl_error(c)); return 1; }
           dl_destroy(c);
           return 0;
       }

   A data set
   ----------
       dl_dataset *train = dl_data_mnist(c, "data/mnist", .train = 1), *test = dl_data_mnist(c, "data/mnist");
       dl_fit(c, net, opt, train, .validation = test, .epochs = 5, .batch_size = 64);             // with a progress bar
       printf("test accuracy %.4f\n", dl_evaluate(c, net, test).accuracy);

   dl_fit is public calls only; written out it is

       dl_loader *batches = dl_loader_create(c, train, .batch_size = 64, .shuffle = 1);
       for (int epoch = 0; epoch < 5; epoch++)
           while (dl_next_batch(c, batches)) {                           // begins a step; the batch lives in it
               dl_tensor *loss = dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target);
               dl_backward(c, loss);
               dl_clip_grad_norm(c, net, 1.0);
               dl_optim_step(c, opt);
           }

   Contents                               (grep '>>' dl.h; search for >>name)
   --------
       >>config      versions, number type, keyword arguments, limits
       >>types       tensor, op, module, ...
       >>api         every public function, in groups, with its formula and shapes; the tables of elementwise ops
       -- below is the implementation, in order of dependency --
       >>platform    compilers, instruction sets, memory functions
       >>kernels     what depends on the instruction set: one list, one table, one text
       >>arena       two lifetimes: keep and step
       >>context     errors, memory, threads, caches
       >>tensor      creation, shapes
       >>random      Philox; tensors of random numbers
       >>gemm        matrix multiplication
       >>autograd    dl_apply, the tape, dl_backward, dl_gradcheck
       >>frames      broadcasting, reductions, strided copies, lines
       >>ops         every op: formula, shape, forward, backward, constructor
       >>losses      cross-entropy and pointwise losses
       >>modules     layers, trees of parameters
       >>init        initializers
       >>optim       optimizers, gradient clipping
       >>data        data sets, IDX files, drawn digits, batches, dl_fit
       >>debug       printing, dl_summary
       >>simd        vocabulary, math functions, kernels: compiled once per instruction set
       >>changes  >>licence

   Concepts
   --------
   Context.   dl_ctx *c is the first argument of everything.  It holds memory, the tape, the first error, the random seed,
              the thread count and the kernels of this machine's instruction set.  Contexts share nothing: use one per
              thread.  Several contexts may run forward through one model at the same time, for they only read it.
   Memory.    Results live in the step arena until dl_step_begin; parameters and what dl_keep returns live as long as the
              context.  Nothing is freed singly.  After the first step, training calls malloc no more.
   Tensor.    Contiguous, row-major, up to 8 axes; x->data is a plain array of float (dl_real).  Labels and indices are
              int32 tensors (x->idata).  Layouts are PyTorch's: (N, C, H, W), weights (out, in).
   Autograd.  Ops on tensors that require a gradient are recorded in order; dl_backward walks that tape back.  Gradients
              of leaves add up until dl_optim_step, or dl_zero_grad, clears them (x->grad = NULL, as in PyTorch).
   Options.   Optional arguments go by name: dl_sum(c, x, .dims = DL_DIM(-1), .keepdim = 1).  Zero is always the usual
              choice.  In C++11 and other languages call dl_sum_with(c, x, options).
   Shapes.    DL_SHAPE(2, 3) ends at its first zero: no axis is empty, and DL_SHAPE(0) is a scalar.
   Errors.    The first one wins and stays: dl_error(c) says which op, which shapes, what was wanted.  From then on ops
              return the nil tensor, and dl_backward and dl_optim_step do nothing, so weights stay as they were.  Look
              once, where it suits you; dl_clear_error(c) makes the context usable again.  Nothing prints, nothing exits.
   Bits.      The same program gives the same bits for every number of threads and every instruction set.

   dl.h does not
   -------------
   run on a GPU; generate code; own global state; print unless asked; decode pictures; start threads of its own
   (OpenMP does); keep higher-order gradients; have strided or empty tensors.

   Compile-time switches                   (define before every include, the same everywhere)
   ---------------------
   DL_IMPLEMENTATION  the implementation, in one file       DL_DOUBLE    dl_real is double, portable kernels, link with -lm
   DL_STATIC          all functions static                  DL_NO_SIMD   portable kernels only
   DL_NO_STDIO        no files, no printing                 DL_NO_OPENMP no threads even with -fopenmp
   DL_DEBUG           errors are printed when they happen   DL_FILENAME  "name.h" if this file is renamed
   DL_MALLOC, DL_REALLOC, DL_FREE: your allocator, all or none
   At run time the environment variable DL_ISA (portable, avx2, avx512), or .isa of dl_create, picks the kernels.

   Recipes
   -------
   An elementwise op:   one row in DL_UNARY_OPS or a sister in >>api: name, y, dx.  That is all.
   Any other op:        one block in >>ops (shape, forward, backward, const dl_op, constructor) and its prototype in >>api.
                        A program can do the same without touching this file: see dl_apply and examples/custom_op.c.
   A module:            a struct that begins with dl_module, a forward function, a const dl_module_type: see dl_nn_linear in
                        >>modules and examples/custom_module.c.
   An optimizer:        a kernel for the update rule and a const descriptor: see >>optim.
   A kernel:            one row in DLI_KERNELS, one body in >>simd, written once in the vocabulary (or in plain C).
   An instruction set:  one vocabulary in >>simd (dlv_load ... dlv_sum), one include and one line of choice in >>kernels.
*/
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
    int          retain_grad;            /* keep grad although it is not a leaf's              */
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
DL_API void *dl_alloc(dl_ctx *c, size_t bytes);                      /* step memory, 64-byte aligned, not cleared; NULL if there is none */
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
DL_API void dl_retain_grad(dl_tensor *x);                                   /* x is a result: keep the grad of the last dl_backward for reading */

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
    OP(relu,       x <= 0 ? 0 : x,                x <= 0 ? 0 : g)

#define DL_UNARY_SCALAR_OPS(OP)                                                                                      \
/*     name        y = f(x, p)                    dx                                                              */ \
    OP(add_scalar, x + p,                         g)                                                                 \
    OP(sub_scalar, x - p,                         g)                                                                 \
    OP(mul_scalar, x * p,                         g * p)                                                             \
    OP(div_scalar, x / p,                         g / p)                                                             \
    OP(rsub_scalar, p - x,                        -g)                                                                \
    OP(rdiv_scalar, p / x,                        -g * y / x)                                                        \
    OP(pow_scalar, dli_pow(x, p),                 p == 0 ? 0 : g * (p * dli_pow(x, p - 1)))

#define DL_UNARY_RANGE_OPS(OP)                                                                                       \
/*     name        y = f(x, p, q)                 dx                                                              */ \
    OP(clamp,      (x < p ? p : x) > q ? q : x < p ? p : x, x > p && x < q ? g : 0)

#define DL_BINARY_OPS(OP)                                                                                            \
/*     name        y = f(a, b)                    da                            db                                */ \
    OP(add,        a + b,                         g,                            g)                                   \
    OP(sub,        a - b,                         g,                            -g)                                  \
    OP(mul,        a * b,                         g * b,                        g * a)                               \
    OP(div,        a / b,                         g / b,                        -g * y / b)                          \
    OP(pow,        dli_pow(a, b),                 b == 0 ? 0 : g * (b * dli_pow(a, b - 1)),                          \
                                                  a == 0 && b >= 0 ? 0 : g * (y * dli_log(a)))                       \
    OP(minimum,    ((b < a) | (b != b)) ? b : a,    a < b ? g : a > b ? 0 : g * DLI_C(0.5),                            \
                                                  b < a ? g : b > a ? 0 : g * DLI_C(0.5))                            \
    OP(maximum,    ((b > a) | (b != b)) ? b : a,    a > b ? g : a < b ? 0 : g * DLI_C(0.5),                            \
                                                  b > a ? g : b < a ? 0 : g * DLI_C(0.5))                            \
/* pointwise losses: a prediction or logit, b target */                                                              \
    OP(squared_error, (a - b) * (a - b),          g * (a - b) * 2,              g * (b - a) * 2)                     \
    OP(bce_logits, (a > 0 ? a : 0) - a * b + dli_log1p(dli_exp(a > 0 ? -a : a)), g * (dli_sigmoid(a) - b), -g * a)

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

/* --- modules: named trees of parameters and buffers ---------------------------------------------
   A module of one's own is a struct that begins with a dl_module, and a forward function (examples/custom_module.c);
   the built-in ones are made the same way.  A module has one parent; call it in forward functions as often as you like. */
typedef struct {
    const char *name;                                       /* of the struct, for messages and dl_summary            */
    size_t      size;                                       /* of the struct, at most 4096                           */
    dl_tensor *(*forward)(dl_ctx *c, dl_module *self, dl_tensor *x);
} dl_module_type;
typedef struct { const char *name; dl_tensor *tensor; int is_buffer; } dl_param;
struct dl_module {
    const dl_module_type *type;
    const char  *name;                   /* within the parent                               */
    dl_module   *parent;
    int          index;                  /* among the parent's children                     */
    dl_module  **children;
    int          nchildren;
    dl_param    *params;                 /* parameters and buffers of this node             */
    int          nparams;
};
DL_API dl_tensor *dl_forward(dl_ctx *c, dl_module *m, dl_tensor *x);

/* create: a zeroed struct of the type's size; after an error, one that may be written but does nothing.
   add: returns the child; a NULL name becomes its number.
   param, buffer: zeros; a parameter is trained, a buffer only saved. */
DL_API dl_module *dl_module_create(dl_ctx *c, const dl_module_type *type);
DL_API dl_module *dl_module_add(dl_ctx *c, dl_module *parent, const char *name, dl_module *child);
DL_API dl_tensor *dl_module_param(dl_ctx *c, dl_module *m, const char *name, dl_shape shape);
DL_API dl_tensor *dl_module_buffer(dl_ctx *c, dl_module *m, const char *name, dl_shape shape);

/* at: the i-th parameter or buffer of the whole tree in state_dict order, or NULL; name (may be NULL) gets its full name,
   like "0.weight" or "layer1.0.conv1.weight".  get: the one with this full name.  count: of all trainable values. */
DL_API dl_param  *dl_module_at(dl_module *m, int i, char *name, size_t name_size);
DL_API dl_tensor *dl_module_get(dl_ctx *c, dl_module *m, const char *name);
DL_API int64_t    dl_param_count(dl_module *m);
DL_API void       dl_zero_grads(dl_module *m);

/* dl_nn_sequential(c, a, b, ...) runs modules in order; a linear and the activation behind it become one kernel.
   _with: the same from an array; n may be 0, dl_module_add then fills it. */
#define DL_MAX_LIST 128
typedef struct { dl_module *m[DL_MAX_LIST]; } dl_module_list;
#define DLI_LIST_END ((dl_module *)(intptr_t)-1)
DL_API dl_module *dl_nn_sequential_list(dl_ctx *c, dl_module_list list);
DL_API dl_module *dl_nn_sequential_with(dl_ctx *c, dl_module *const *list, int n);
#define dl_nn_sequential(c, ...) dl_nn_sequential_list(c, DLI_LIT(dl_module_list){{__VA_ARGS__, DLI_LIST_END}})

/* weight (out, in) and bias (out), both from U(-1/sqrt(in), 1/sqrt(in)), as in PyTorch */
typedef struct { int no_bias; int end_; } dl_nn_linear_opts;
DL_API dl_module *dl_nn_linear_with(dl_ctx *c, int64_t in, int64_t out, dl_nn_linear_opts o);
#define dl_nn_linear(...) DLI_KW3(dl_nn_linear, __VA_ARGS__)

typedef dl_tensor *(*dl_nn_fn)(dl_ctx *c, dl_tensor *x);
DL_API dl_module *dl_nn_function(dl_ctx *c, const char *name, dl_nn_fn f);      /* y = f(c, x): ("exp", dl_exp)       */
DL_API dl_module *dl_nn_relu(dl_ctx *c);
DL_API dl_module *dl_nn_sigmoid(dl_ctx *c);
DL_API dl_module *dl_nn_tanh(dl_ctx *c);
DL_API dl_module *dl_nn_flatten(dl_ctx *c);                                     /* (N, ..) -> (N, rest)               */
DL_API dl_module *dl_nn_softmax(dl_ctx *c, int dim);
DL_API dl_module *dl_nn_dropout(dl_ctx *c, dl_real p);

/* --- initializers: fill a tensor in place, from the context's random numbers ---------------------
   For weights (out, in, ...): fan_in = in * receptive field, fan_out = out * receptive field.
   lecun:  variance 1 / fan_in                         LeCun et al. 1998
   xavier: variance gain^2 2 / (fan_in + fan_out)      Glorot and Bengio 2010, gain 1
   he:     variance gain^2 / fan                       He et al. 2015, gain sqrt(2), for ReLU; kaiming is another name
   A uniform one with variance v is U(-sqrt(3 v), sqrt(3 v)).  orthogonal: Saxe et al. 2014. */
typedef enum { DL_FAN_IN, DL_FAN_OUT } dl_fan;
typedef struct { dl_real gain; int end_; }              dl_init_xavier_uniform_opts, dl_init_xavier_normal_opts;
typedef struct { dl_real gain; dl_fan mode; int end_; } dl_init_he_uniform_opts, dl_init_he_normal_opts;
DL_API void dl_init_constant(dl_ctx *c, dl_tensor *w, dl_real value);
DL_API void dl_init_uniform(dl_ctx *c, dl_tensor *w, dl_real low, dl_real high);
DL_API void dl_init_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std);
DL_API void dl_init_trunc_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std, dl_real low, dl_real high);
DL_API void dl_init_orthogonal(dl_ctx *c, dl_tensor *w, dl_real gain);
DL_API void dl_init_lecun_uniform(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_lecun_normal(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_xavier_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_uniform_opts o);
DL_API void dl_init_xavier_normal_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_normal_opts o);
DL_API void dl_init_he_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_he_uniform_opts o);
DL_API void dl_init_he_normal_with(dl_ctx *c, dl_tensor *w, dl_init_he_normal_opts o);
#define dl_init_xavier_uniform(...)  DLI_KW2(dl_init_xavier_uniform, __VA_ARGS__)
#define dl_init_xavier_normal(...)   DLI_KW2(dl_init_xavier_normal, __VA_ARGS__)
#define dl_init_he_uniform(...)      DLI_KW2(dl_init_he_uniform, __VA_ARGS__)
#define dl_init_he_normal(...)       DLI_KW2(dl_init_he_normal, __VA_ARGS__)
#define dl_init_kaiming_uniform      dl_init_he_uniform
#define dl_init_kaiming_normal       dl_init_he_normal
DL_API double dl_init_gain(const char *nonlinearity);          /* "linear", "sigmoid" 1, "tanh" 5/3, "relu" sqrt(2), .. */

/* --- optimizers: one fused pass over the parameters of a module, defaults as in torch.optim ------
   lr 1e-3, beta1 0.9, beta2 0.999, eps 1e-8, AdamW's weight_decay 1e-2, the others 0; -1 means an exact 0.
   Adam: Kingma and Ba 2015; AdamW, with decay apart from the gradient: Loshchilov and Hutter 2019. */
typedef struct { dl_real lr, momentum, dampening, weight_decay; int nesterov; int end_; } dl_optim_sgd_opts;
typedef struct { dl_real lr, beta1, beta2, eps, weight_decay; int end_; } dl_optim_adam_opts;
typedef dl_optim_adam_opts dl_optim_adamw_opts;
DL_API dl_optim *dl_optim_sgd_with(dl_ctx *c, dl_module *m, dl_optim_sgd_opts o);
DL_API dl_optim *dl_optim_adam_with(dl_ctx *c, dl_module *m, dl_optim_adam_opts o);
DL_API dl_optim *dl_optim_adamw_with(dl_ctx *c, dl_module *m, dl_optim_adamw_opts o);
#define dl_optim_sgd(...)   DLI_KW2(dl_optim_sgd, __VA_ARGS__)
#define dl_optim_adam(...)  DLI_KW2(dl_optim_adam, __VA_ARGS__)
#define dl_optim_adamw(...) DLI_KW2(dl_optim_adamw, __VA_ARGS__)
DL_API int     dl_optim_step(dl_ctx *c, dl_optim *o);          /* update, then clear the gradients; 0 while an error stands */
DL_API dl_real dl_optim_lr(const dl_optim *o);
DL_API void    dl_optim_set_lr(dl_optim *o, dl_real lr);
DL_API double  dl_clip_grad_norm(dl_ctx *c, dl_module *m, double max_norm);     /* returns the norm before clipping    */
DL_API void    dl_clip_grad_value(dl_ctx *c, dl_module *m, double max_value);

/* --- data ----------------------------------------------------------------------------------------
   A data set is n samples: inputs (n, ...) and targets, either classes, int32 (n), or real (n, ...). */
typedef struct dl_dataset {
    dl_tensor *inputs, *targets;         /* kept                                            */
    int64_t    size;
    int        classes;                  /* of int32 targets: the largest + 1; else 0       */
} dl_dataset;
DL_API dl_dataset *dl_data_tensors(dl_ctx *c, dl_tensor *inputs, dl_tensor *targets);      /* copies what is not kept */
#ifndef DL_NO_STDIO
/* The MNIST files in a folder, (n, 1, 28, 28) in [0, 1]: with .train = 1 the 60,000, else the 10,000. */
typedef struct { int train; int end_; } dl_data_mnist_opts;
DL_API dl_dataset *dl_data_mnist_with(dl_ctx *c, const char *folder, dl_data_mnist_opts o);
#define dl_data_mnist(...) DLI_KW2(dl_data_mnist, __VA_ARGS__)
DL_API dl_tensor  *dl_data_idx(dl_ctx *c, const char *path);   /* an IDX file, in the step; whole numbers become int32 */
#endif
/* n digits drawn by code: (n, 1, 28, 28), bent, turned, moved, thick or thin, noisy.  Sample i depends on seed and i only. */
DL_API dl_dataset *dl_data_drawn_digits(dl_ctx *c, int64_t n, uint64_t seed);

/* Mini-batches.  dl_next_batch begins a step and puts the next one there; it returns 0 at the end of an epoch, where the
   next call starts another, and after an error. */
typedef struct dl_loader {
    dl_tensor  *input, *target;          /* the batch: lives in the step                    */
    int64_t     batches;                 /* in an epoch                                     */
    int64_t     index;                   /* of the batch, counted from 0                    */
    int64_t     epoch;
    dl_dataset *data;                    /* private from here on                            */
    int64_t     batch_size, position;
    int32_t    *order;
} dl_loader;
typedef struct { int64_t batch_size; int shuffle, drop_last; int end_; } dl_loader_create_opts;   /* 1, as in PyTorch */
DL_API dl_loader *dl_loader_create_with(dl_ctx *c, dl_dataset *d, dl_loader_create_opts o);
#define dl_loader_create(...) DLI_KW2(dl_loader_create, __VA_ARGS__)
DL_API int dl_next_batch(dl_ctx *c, dl_loader *l);

/* --- training and evaluation ---------------------------------------------------------------------
   Scores are means over the samples; accuracy is 0 for real targets; both are NaN after an error.  The usual loss is
   cross-entropy for classes, else the mean squared error. */
typedef struct { double loss, accuracy; } dl_scores;
typedef dl_tensor *(*dl_loss_fn)(dl_ctx *c, dl_tensor *output, dl_tensor *target);

/* In evaluation mode, without gradients.  The current step goes on afterwards. */
typedef struct { int64_t batch_size; dl_loss_fn loss; int end_; } dl_evaluate_opts;        /* 256                     */
DL_API dl_scores dl_evaluate_with(dl_ctx *c, dl_module *m, dl_dataset *d, dl_evaluate_opts o);
#define dl_evaluate(...) DLI_KW3(dl_evaluate, __VA_ARGS__)

/* The training loop: batches, forward, loss, backward, clipping, step, with a progress bar on stderr.  Returns the scores
   of the last epoch, on .validation if there is one. */
typedef struct {
    dl_dataset *validation;
    int         epochs;                  /* 1                                               */
    int64_t     batch_size;              /* 64                                              */
    dl_real     label_smoothing;         /* of the usual loss                               */
    dl_real     final_lr;                /* the learning rate falls to it linearly; 0: stays as it is */
    double      clip_norm;               /* 0: none                                         */
    dl_loss_fn  loss;
    int         no_shuffle, quiet;       /* quiet: no progress bar                          */
    int end_;
} dl_fit_opts;
DL_API dl_scores dl_fit_with(dl_ctx *c, dl_module *m, dl_optim *o, dl_dataset *train, dl_fit_opts opts);
#define dl_fit(...) DLI_KW4(dl_fit, __VA_ARGS__)

/* --- printing ------------------------------------------------------------------------------------ */
#ifndef DL_NO_STDIO
DL_API void dl_print(const dl_tensor *x);                       /* to stdout, large ones abridged                     */
DL_API void dl_fprint(FILE *f, const dl_tensor *x);
DL_API void dl_summary(dl_ctx *c, dl_module *m, dl_dataset *d); /* one sample, layer by layer: shape, parameters, MACs, memory */
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
#define DLI_NOINLINE __attribute__((noinline))
#if (defined(__x86_64__) || defined(__i386__)) && !defined(DL_NO_SIMD) && !defined(DL_DOUBLE)
#define DLI_X86 1
#include <immintrin.h>
#endif
#else
#define DLI_RESTRICT
#define DLI_INLINE   static
#define DLI_NOINLINE
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

/* No contraction of a * b + c in what follows either: a fused multiply-add is written, never left to the compiler. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#elif defined(__clang__)
#pragma float_control(push)
#pragma clang fp contract(off)
#endif

DLI_INLINE int64_t dli_min64(int64_t a, int64_t b) { return a < b ? a : b; }
DLI_INLINE int64_t dli_max64(int64_t a, int64_t b) { return a > b ? a : b; }
DLI_INLINE int     dli_or(int value, int usual)    { return value == DL_ZERO ? 0 : value ? value : usual; }
/* Real options: 0 means the usual, -1 an exact 0. */
DLI_INLINE dl_real dli_or_real(dl_real value, double usual) { return value == -1 ? 0 : value != 0 ? value : (dl_real)usual; }

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

/* One panel of the matrix product, at most nr columns wide (see >>gemm): with acc = sum over k of A[i][k] B[k][j],
       C[i][j] = alpha acc + beta C[i][j];  if last: C[i][j] = activation(C[i][j] + bias[j]).
   A[i][k] stands at a[i a_row + k a_col] or, if a_tile is not 0, in k-major tiles of mr rows, a_tile numbers apart;
   B[k][j] at b[k b_row + j].  Sums that earlier calls began are in sums (resume), those that later calls go on with are left
   there (suspend).  The kernel uses the struct as its work space: only the first line and b_row to resume stay as they were. */
typedef struct {
    int64_t        a_row, a_col, a_tile, b_row, ldc, ld_sums, next_row;
    dl_real        alpha, beta;
    const dl_real *bias;
    int            resume, suspend, last;
    dl_activation  activation;
    int64_t        M, N, K, panels;
    const dl_real *a, *b, *next;
    dl_real       *c, *sums;
} dli_panel;

#define DLI_KC 256                      /* length of a chain of fma over k, a constant: it decides the bits of the result */

#define DLI_KERNELS_GEMM(K)                                                                                            \
/* matrix product: a panel; one row of C; dots of rows of A with rows of B, b_row apart */                             \
    K(void, gemm_panel,  (dli_panel *t))                                                                               \
    K(void, gemm_row,    (dli_panel *t))                                                                               \
    K(void, gemm_dots,   (const dli_panel *t))                                                                         \
/* copies of n rows: cut into panels of nr columns; padded to the width of a tile; transposed */                       \
    K(void, gemm_pack_b, (dl_real *out, int64_t panel, const dl_real *x, int64_t ldx, int64_t n, int64_t width))       \
    K(void, gemm_pack,   (dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width))        \
    K(void, gemm_pack_t, (dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width))        \

/* What the optimizer kernels need to know besides the parameters. */
typedef struct { dl_real lr, momentum, dampening, weight_decay; int nesterov, first; } dli_sgd_opts;
typedef struct {
    dl_real step;                   /* lr / (1 - beta1^t)                           */
    dl_real beta1, beta2, eps;
    dl_real root;                   /* sqrt(1 - beta2^t)                            */
    dl_real l2;                     /* Adam: weight_decay; AdamW: 0                 */
    dl_real shrink;                 /* Adam: 1; AdamW: 1 - lr * weight_decay        */
} dli_adam_opts;

/* Rows of n > 0 elements.  Where there is an add: store if it is 0, else add to what is there.
   Random kernels: element i is a function of (seed, call, first + i) only, so threads may split a row anywhere. */
#define DLI_KERNELS_ROWS(K)                                                                                            \
/* product of x_i; sum of (scale (x_i - shift))^2; log of the sum of exp(x_i - shift), shift finite */                 \
    K(dl_real, prod,        (const dl_real *x, int64_t n))                                                             \
    K(dl_real, sum_squares, (const dl_real *x, dl_real shift, dl_real scale, int64_t n))                               \
    K(dl_real, log_sum_exp, (const dl_real *x, dl_real shift, int64_t n))                                              \
/* the first i with the largest or smallest x_i; NaN beats all */                                                      \
    K(int64_t, argmax,      (const dl_real *x, int64_t n))                                                             \
    K(int64_t, argmin,      (const dl_real *x, int64_t n))                                                             \
/* y += x;  y *= a;  y (+)= a exp(x - shift) */                                                                        \
    K(void,    add,         (dl_real *y, const dl_real *x, int64_t n))                                                 \
    K(void,    scale,       (dl_real *y, dl_real a, int64_t n))                                                        \
    K(void,    exp_row,     (dl_real *y, dl_real a, const dl_real *x, dl_real shift, int64_t n, int add))              \
/* y = exp(x - max x) / sum;  dx (+)= y (g - sum g y) */                                                               \
    K(void,    softmax,      (dl_real *y, const dl_real *x, int64_t n))                                                \
    K(void,    softmax_back, (dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add))                    \
/* y = x - max x - log sum exp(x - max x);  dx (+)= g - exp(y) sum g */                                                \
    K(void,    log_softmax,      (dl_real *y, const dl_real *x, int64_t n))                                            \
    K(void,    log_softmax_back, (dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add))                \
/* SGD, b: momentum buffer or NULL: g += weight_decay p;  b = momentum b + (1 - dampening) g, the first time b = g;    \
   p -= lr (nesterov ? g + momentum b : b) */                                                                          \
    K(void,    sgd,         (dl_real *p, const dl_real *g, dl_real *b, int64_t n, const dli_sgd_opts *o))              \
/* Adam: g += l2 p;  m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;                                         \
   p = shrink p - step m / (sqrt(v) / root + eps) */                                                                   \
    K(void,    adam,        (dl_real *p, const dl_real *g, dl_real *m, dl_real *v, int64_t n, const dli_adam_opts *o)) \
/* uniform on [0, 1), 24 bits; normal, mean 0, variance 1 */                                                           \
    K(void,    uniform,     (dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first))                     \
    K(void,    normal,      (dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first))                     \
/* y (+)= x / (1 - p) with probability 1 - p, else 0; the same call on the gradient is its backward */                 \
    K(void,    dropout,     (dl_real *y, const dl_real *x, int64_t n, uint64_t seed, uint64_t call, uint64_t first,    \
                             dl_real p, int add))

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
#define DLI_MODULE_SIZE 4096            /* largest struct of a module                          */

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
    int        depth;                   /* of nested dl_forward calls                          */
    struct dli_row **watch;             /* where dl_forward notes what it does, for dl_summary */
    dl_module *nil_module;              /* stands for a module that could not be made          */
    char       error[DLI_ERROR_SIZE];
};

/* The nil tensor: what a failed call returns.  Never written, size 0. */
static const dl_tensor dli_nil_tensor = {NULL, NULL, NULL, {0}, 0, 0, DL_REAL, 0, NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, 0};
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
    dl_ctx *c = (dl_ctx *)DL_MALLOC(sizeof *c + DLI_MODULE_SIZE + DLI_ALIGN);
    const char *isa = o.isa ? o.isa : getenv("DL_ISA");
    if (!c) return NULL;
    memset(c, 0, sizeof *c + DLI_MODULE_SIZE + DLI_ALIGN);
    c->nil_module = (dl_module *)(((uintptr_t)(c + 1) + DLI_ALIGN - 1) & ~(uintptr_t)(DLI_ALIGN - 1));
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

/* ================================================================================================
   >>tensor      creation, shapes
   ================================================================================================ */
static int dli_shape_rank(const int64_t *d)
{
    int n = 0;
    while (n < DL_MAX_DIMS && d[n] != 0) n++;
    return n;
}

/* A node with nsrc sources and room for extra bytes behind it, all in one piece.  NULL after an error. */
static dl_tensor *dli_node(dl_ctx *c, int nsrc, size_t extra, int kept)
{
    size_t head = sizeof(dl_tensor) + (size_t)nsrc * sizeof(dl_tensor *);
    dl_tensor *t;
    head = (head + 15) & ~(size_t)15;
    t = (dl_tensor *)(kept ? dl_alloc_keep(c, head + extra) : dl_alloc(c, head + extra));
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->src = (dl_tensor **)(t + 1);
    t->nsrc = nsrc;
    t->kept = kept;
    t->opts = (char *)t + head;
    return t;
}

DL_DEF int dl_set_shape(dl_ctx *c, dl_tensor *y, int ndim, const int64_t *shape)
{
    int i;
    if (!dli_size(c, y->op ? y->op->name : "tensor", ndim, shape, sizeof(dl_real), &y->size)) return 0;
    y->ndim = ndim;
    for (i = 0; i < DL_MAX_DIMS; i++) y->shape[i] = i < ndim ? shape[i] : 1;
    return 1;
}

static int dli_alloc_data(dl_ctx *c, dl_tensor *t)
{
    size_t elem = t->dtype == DL_INT32 ? sizeof(int32_t) : sizeof(dl_real);
    void *p = t->kept ? dl_alloc_keep(c, (size_t)t->size * elem) : dl_alloc(c, (size_t)t->size * elem);
    if (t->dtype == DL_INT32) t->idata = (int32_t *)p; else t->data = (dl_real *)p;
    return p != NULL;
}

/* A leaf with undefined values (zeros if kept). */
static dl_tensor *dli_leaf(dl_ctx *c, const char *who, dl_dtype dtype, int ndim, const int64_t *shape, int kept)
{
    int64_t size;
    dl_tensor *t;
    int i;
    if (!c || c->failed || !dli_size(c, who, ndim, shape, sizeof(dl_real), &size)) return DLI_NIL;
    t = dli_node(c, 0, 0, kept);
    if (!t) return DLI_NIL;
    t->dtype = dtype;
    t->size = size;
    t->ndim = ndim;
    for (i = 0; i < DL_MAX_DIMS; i++) t->shape[i] = i < ndim ? shape[i] : 1;
    return dli_alloc_data(c, t) ? t : DLI_NIL;
}

/* The same from a dl_shape, which ends at its first zero. */
static dl_tensor *dli_new(dl_ctx *c, const char *who, dl_dtype dtype, dl_shape shape)
{
    int n = dli_shape_rank(shape.d), i;
    for (i = n; i < DL_MAX_DIMS; i++)
        if (shape.d[i] != 0) return dl_fail(c, "%s: axis %d has size 0, there are no empty tensors", who, n);
    return dli_leaf(c, who, dtype, n, shape.d, 0);
}

DL_DEF dl_tensor *dl_empty(dl_ctx *c, dl_shape shape) { return dli_new(c, "empty", DL_REAL, shape); }

static dl_tensor *dli_full(dl_ctx *c, const char *who, dl_shape shape, dl_real value)
{
    dl_tensor *t = dli_new(c, who, DL_REAL, shape);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = value;
    return t;
}
DL_DEF dl_tensor *dl_full(dl_ctx *c, dl_shape shape, dl_real value) { return dli_full(c, "full", shape, value); }
DL_DEF dl_tensor *dl_zeros(dl_ctx *c, dl_shape shape)               { return dli_full(c, "zeros", shape, 0); }
DL_DEF dl_tensor *dl_ones(dl_ctx *c, dl_shape shape)                { return dli_full(c, "ones", shape, 1); }
DL_DEF dl_tensor *dl_scalar(dl_ctx *c, dl_real value)               { dl_shape s = {{0}}; return dli_full(c, "scalar", s, value); }

DL_DEF dl_tensor *dl_tensor_from(dl_ctx *c, const dl_real *data, dl_shape shape)
{
    dl_tensor *t = data ? dli_new(c, "tensor_from", DL_REAL, shape) : dl_fail(c, "tensor_from: data is NULL");
    if (t->size) memcpy(t->data, data, (size_t)t->size * sizeof *data);
    return t;
}

DL_DEF dl_tensor *dl_tensor_from_int(dl_ctx *c, const int32_t *data, dl_shape shape)
{
    dl_tensor *t = data ? dli_new(c, "tensor_from_int", DL_INT32, shape) : dl_fail(c, "tensor_from_int: data is NULL");
    if (t->size) memcpy(t->idata, data, (size_t)t->size * sizeof *data);
    return t;
}

DL_DEF dl_tensor *dl_arange(dl_ctx *c, double start, double end, double step)
{
    double n = (end - start) / step;
    dl_shape s = {{0}};
    dl_tensor *t;
    int64_t i;
    if (!(n > 0 && n < 9e15)) return dl_fail(c, "arange: no values from %g to %g in steps of %g", start, end, step);
    s.d[0] = (int64_t)n;
    if ((double)s.d[0] < n) s.d[0]++;
    t = dli_new(c, "arange", DL_REAL, s);
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)(start + (double)i * step);
    return t;
}

DL_DEF dl_tensor *dl_eye(dl_ctx *c, int64_t n)
{
    int64_t shape[2], i;
    dl_tensor *t;
    shape[0] = shape[1] = n;
    t = dli_leaf(c, "eye", DL_REAL, 2, shape, 0);
    for (i = 0; i < t->size; i++) t->data[i] = i % (n + 1) == 0;
    return t;
}

/* Whether x can be an operand of `who`: not NULL, not nil (then the error already stands), of the right type. */
static int dli_check(dl_ctx *c, const char *who, const char *what, const dl_tensor *x, dl_dtype dtype)
{
    if (!c || c->failed) return 0;
    if (dl_is_nil(x)) { dl_fail(c, "%s: %s is %s", who, what, x ? "nil, the result of a failed call" : "NULL"); return 0; }
    if (x->dtype != dtype) {
        dl_fail(c, "%s: %s %t holds %s, expected %s", who, what, x, dtype == DL_REAL ? "int32" : "reals", dtype == DL_REAL ? "reals" : "int32");
        return 0;
    }
    return 1;
}

/* The same for any type. */
static int dli_check_any(dl_ctx *c, const char *who, const dl_tensor *x)
{
    return dli_check(c, who, "x", x, dl_is_nil(x) ? DL_REAL : x->dtype);
}

/* A possibly negative axis of 0..ndim-1, or -1 after an error. */
static int dli_axis(dl_ctx *c, const char *who, const dl_tensor *x, int dim, int ndim)
{
    int d = dim < 0 ? dim + ndim : dim;
    if (d >= 0 && d < ndim) return d;
    dl_fail(c, "%s: axis %d of %t, which has %d axes", who, dim, x, x->ndim);
    return -1;
}

/* The axes of a DL_DIM set as a bit mask of 0..ndim-1; *ok = 0 after an error. */
static unsigned dli_axes(dl_ctx *c, const char *who, const dl_tensor *x, unsigned dims, int *ok)
{
    unsigned mask = 0;
    int b;
    *ok = 1;
    if (!dims) return (1u << x->ndim) - 1;
    for (b = 0; b < 16; b++)
        if (dims >> b & 1) {
            int d = dli_axis(c, who, x, b < 8 ? b : b - 16, x->ndim);
            if (d < 0) { *ok = 0; return 0; }
            mask |= 1u << d;
        }
    if (dims >> 16) { dl_fail(c, "%s: the axes must be a DL_DIM set", who); *ok = 0; }
    return mask;
}

DL_DEF dl_tensor *dl_one_hot(dl_ctx *c, dl_tensor *labels, int64_t classes)
{
    int64_t shape[DL_MAX_DIMS], i;
    dl_tensor *t;
    if (!dli_check(c, "one_hot", "labels", labels, DL_INT32)) return DLI_NIL;
    if (labels->ndim == DL_MAX_DIMS) return dl_fail(c, "one_hot: labels %t leave no room for another axis", labels);
    for (i = 0; i < labels->size; i++)
        if (labels->idata[i] < 0 || labels->idata[i] >= classes)
            return dl_fail(c, "one_hot: label %d at index %l is not one of %l classes", (int)labels->idata[i], i, classes);
    memcpy(shape, labels->shape, sizeof shape);
    shape[labels->ndim] = classes;
    t = dli_leaf(c, "one_hot", DL_REAL, labels->ndim + 1, shape, 0);
    if (!t->size) return t;
    memset(t->data, 0, (size_t)t->size * sizeof(dl_real));
    for (i = 0; i < labels->size; i++) t->data[i * classes + labels->idata[i]] = 1;
    return t;
}

DL_DEF dl_tensor *dl_to_real(dl_ctx *c, dl_tensor *x)
{
    dl_tensor *t;
    int64_t i;
    if (!dli_check(c, "to_real", "x", x, DL_INT32)) return DLI_NIL;
    t = dli_leaf(c, "to_real", DL_REAL, x->ndim, x->shape, 0);
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)x->idata[i];
    return t;
}

DL_DEF dl_tensor *dl_to_int(dl_ctx *c, dl_tensor *x)
{
    dl_tensor *t;
    int64_t i;
    if (!dli_check(c, "to_int", "x", x, DL_REAL)) return DLI_NIL;
    for (i = 0; i < x->size; i++)
        if (!(x->data[i] > -2147483648.0 && x->data[i] < 2147483648.0))
            return dl_fail(c, "to_int: %g at index %l does not fit an int32", (double)x->data[i], i);
    t = dli_leaf(c, "to_int", DL_INT32, x->ndim, x->shape, 0);
    for (i = 0; i < t->size; i++) t->idata[i] = (int32_t)x->data[i];
    return t;
}

static const void *dli_bytes_of(const dl_tensor *x) { return x->dtype == DL_INT32 ? (const void *)x->idata : (const void *)x->data; }
static size_t dli_elem(const dl_tensor *x) { return x->dtype == DL_INT32 ? sizeof(int32_t) : sizeof(dl_real); }

DL_DEF dl_tensor *dl_keep(dl_ctx *c, dl_tensor *x)
{
    dl_tensor *t;
    if (!dli_check_any(c, "keep", x)) return DLI_NIL;
    t = dli_leaf(c, "keep", x->dtype, x->ndim, x->shape, 1);
    if (!t->size) return t;
    memcpy(t->dtype == DL_INT32 ? (void *)t->idata : (void *)t->data, dli_bytes_of(x), (size_t)x->size * dli_elem(x));
    t->requires_grad = x->requires_grad && !x->op;
    return t;
}

DL_DEF double dl_item(const dl_tensor *x)
{
    uint64_t nan_bits = (uint64_t)0x7ff8 << 48;
    double v;
    if (!dl_is_nil(x) && x->size == 1) return x->dtype == DL_INT32 ? (double)x->idata[0] : (double)x->data[0];
    memcpy(&v, &nan_bits, sizeof v);
    return v;
}

/* ================================================================================================
   >>random      Philox4x32-10: every number is a function of (seed, call, element), so neither threads nor
                 the instruction set change it, and backward can make a dropout mask again
   ================================================================================================ */
DL_DEF void dl_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) { dli_philox_portable(counter, key, out); }

#define DLI_RANDOM_CHUNK 65536
typedef void dli_fill_kernel(dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first);
typedef struct { dl_real *y; int64_t n; uint64_t seed, call; dli_fill_kernel *kernel; } dli_fill_job;

static void dli_fill_task(void *arg, int64_t i, int worker)
{
    dli_fill_job *j = (dli_fill_job *)arg;
    int64_t first = i * DLI_RANDOM_CHUNK;
    (void)worker;
    j->kernel(j->y + first, dli_min64(DLI_RANDOM_CHUNK, j->n - first), j->seed, j->call, (uint64_t)first);
}

/* The next random call of this context fills y. */
static void dli_random(dl_ctx *c, dli_fill_kernel *kernel, dl_real *y, int64_t n)
{
    dli_fill_job j;
    j.y = y; j.n = n; j.seed = c->seed; j.call = c->calls++; j.kernel = kernel;
    dli_parallel(c, (n + DLI_RANDOM_CHUNK - 1) / DLI_RANDOM_CHUNK, dli_fill_task, &j);
}

DL_DEF dl_tensor *dl_rand(dl_ctx *c, dl_shape shape)
{
    dl_tensor *t = dli_new(c, "rand", DL_REAL, shape);
    if (t->size) dli_random(c, c->k->uniform, t->data, t->size);
    return t;
}

DL_DEF dl_tensor *dl_randn(dl_ctx *c, dl_shape shape)
{
    dl_tensor *t = dli_new(c, "randn", DL_REAL, shape);
    if (t->size) dli_random(c, c->k->normal, t->data, t->size);
    return t;
}

/* Fisher-Yates; a draw below i + 1 is a 64-bit word times i + 1, upper half (Lemire 2019): bias below 2^-32. */
static void dli_permutation(uint64_t seed, uint64_t call, int32_t *p, int64_t n)
{
    uint32_t key[2], counter[4], w[4];
    int64_t i, j;
    key[0] = (uint32_t)seed; key[1] = (uint32_t)(seed >> 32);
    counter[1] = 0; counter[2] = (uint32_t)call; counter[3] = (uint32_t)(call >> 32);
    for (i = 0; i < n; i++) p[i] = (int32_t)i;
    for (i = n - 1; i > 0; i--) {
        uint64_t m = (uint64_t)i + 1;
        int32_t swap = p[i];
        counter[0] = (uint32_t)i;
        dl_philox(counter, key, w);
        j = (int64_t)((w[1] * m + (w[0] * m >> 32)) >> 32);
        p[i] = p[j];
        p[j] = swap;
    }
}

DL_DEF dl_tensor *dl_randperm(dl_ctx *c, int64_t n)
{
    dl_tensor *t;
    if (n > INT32_MAX) return dl_fail(c, "randperm: %l does not fit an int32", n);
    t = dli_leaf(c, "randperm", DL_INT32, 1, &n, 0);
    if (t->size) dli_permutation(c->seed, c->calls++, t->idata, n);
    return t;
}

/* ================================================================================================
   >>gemm        C = alpha op(A) op(B) + beta C: blocks, packing, threads

   After Goto and van de Geijn 2008.  Each thread computes a rectangle of C by these five loops:

       for i in M step MC                  a block of A, MC x KC, stays in the second cache
         for p in K step KC = 256
           for j in N step nr              a panel of B, KC x nr, is packed and stays in the first cache
             for tiles of mr rows          C[mr x nr] stays in registers              (the kernel gemm_panel)
               for k in KC                 C[i][j] = fma(A[i][k], B[k][j], C[i][j])

   The sequence of operations behind one number of C is a function of shape and flags alone: a chain of fused multiply-adds
   over k within each block of 256, blocks added in order.  So mr, nr, MC and the split among threads may be anything. */


typedef struct {
    int            trans_a, trans_b;
    int64_t        M, N, K;
    dl_real        alpha, beta;
    const dl_real *A;
    int64_t        lda;
    const dl_real *B;
    int64_t        ldb;
    dl_real       *C;
    int64_t        ldc;
    const dl_real *bias;                /* (N), added to each row of C; NULL: none             */
    dl_activation  activation;          /* DL_LINEAR: none                                     */
    int64_t        batch;               /* number of products, 0: 1; and their distances:      */
    int64_t        stride_a, stride_b, stride_c;
} dli_gemm_args;

/* How to go about it.  Decides the speed and, in the case of DLI_GEMM_DOTS alone, the sequence of operations. */
typedef enum { DLI_GEMM_BLOCKS, DLI_GEMM_ROW, DLI_GEMM_DOTS } dli_gemm_path;
typedef struct {
    const dli_kernels   *kernels;
    const dli_gemm_args *args;
    dli_gemm_path        path;
    int                  pack_a, pack_b, ahead;
    int64_t              mc, nc, kc;    /* a block of A is mc x kc, a block of B kc x nc       */
    int64_t              ku;            /* rows of B to sweep before the next ku; kc: see (*)  */
    int64_t              tm, tn, tb;    /* parts of M, N and the batch, one thread each        */
    dl_real             *scratch;       /* of all workers, scratch_size numbers each           */
    int64_t              scratch_size;
} dli_gemm_plan;

static void dli_gemm_set(dli_panel *t, const dli_gemm_args *g)
{
    t->a_row = g->trans_a ? 1 : g->lda;
    t->a_col = g->trans_a ? g->lda : 1;
    t->a_tile = t->ld_sums = 0;
    t->b_row = t->next_row = g->ldb;
    t->ldc = g->ldc;
    t->alpha = g->alpha;
    t->beta = g->beta;
    t->bias = g->bias;
    t->activation = g->activation;
    t->last = g->bias || g->activation != DL_LINEAR;
    t->resume = t->suspend = 0;
    t->M = g->M;
    t->N = g->N;
    t->K = g->K;
    t->panels = 1;
    t->a = g->A;
    t->b = g->B;
    t->next = NULL;
    t->c = g->C;
    t->sums = NULL;
}

/* Rows [i, i + mc) and columns [p, p + kc) of op(A), in k-major tiles as high as gemm_panel will make them. */
static void dli_gemm_pack_a(const dli_gemm_plan *plan, const dli_gemm_args *g, int64_t i, int64_t mc, int64_t p, int64_t kc, dl_real *out)
{
    const dli_kernels *kernels = plan->kernels;
    const int64_t mr = kernels->mr;
    int64_t left, rows;
    for (left = (mc + mr - 1) / mr; left > 0; left--, i += rows, mc -= rows, out += mr * plan->kc) {
        rows = (mc + left - 1) / left;
        if (g->trans_a) kernels->gemm_pack(out, mr, g->A + p * g->lda + i, g->lda, kc, rows);
        else            kernels->gemm_pack_t(out, mr, g->A + i * g->lda + p, g->lda, kc, rows);
    }
}

/* Rows [p, p + kc) and columns [q, q + nc) of op(B), in panels of nr columns, panel numbers apart. */
static void dli_gemm_pack_b(const dli_gemm_plan *plan, const dli_gemm_args *g, int64_t p, int64_t kc, int64_t q, int64_t nc, dl_real *out,
                            int64_t panel)
{
    const dli_kernels *kernels = plan->kernels;
    const int64_t nr = kernels->nr;
    int64_t j;
    if (!g->trans_b) kernels->gemm_pack_b(out, panel, g->B + p * g->ldb + q, g->ldb, kc, nc);
    else for (j = 0; j < nc; j += nr, out += panel)
        kernels->gemm_pack_t(out, nr, g->B + (q + j) * g->ldb + p, g->ldb, kc, dli_min64(nc - j, nr));
}

/* What one thread does: all of g, which is a part of plan->args. */
static void dli_gemm_blocks(const dli_gemm_plan *plan, const dli_gemm_args *g, dl_real *scratch)
{
    const int64_t nr = plan->kernels->nr, K = g->K, panel = (plan->kc + 1) * nr;    /* + 1: not 2^n apart in the caches */
    dl_real *panels = scratch, *block = scratch + (plan->kc + 1) * plan->nc;
    int64_t i, j, p, q, u;
    dli_panel t;
    dli_gemm_set(&t, g);
    t.ld_sums = plan->nc;
    for (q = 0; q < g->N; q += plan->nc) {
        const int64_t nc = dli_min64(g->N - q, plan->nc);
        for (p = 0; p < K || p == 0; p += plan->kc) {
            const int64_t kc = dli_min64(K - p, plan->kc);
            if (plan->pack_b) dli_gemm_pack_b(plan, g, p, kc, q, nc, panels, panel);
            t.last = p + kc == K && (g->bias || g->activation != DL_LINEAR);
            for (i = 0; i < g->M; i += plan->mc) {
                const int64_t mc = dli_min64(g->M - i, plan->mc);
                if (plan->pack_a) dli_gemm_pack_a(plan, g, i, mc, p, kc, block);
                for (u = 0; u < kc || u == 0; u += plan->ku)
                    for (j = 0; j < nc; j += t.panels * nr) {
                        t.M = mc;
                        t.N = dli_min64(nc - j, nr);
                        t.K = dli_min64(kc - u, plan->ku);
                        t.panels = plan->ku < DLI_KC && nc - j > nr ? (nc - j) / nr : 1;
                        t.resume = u > 0;
                        t.suspend = u + t.K < kc;
                        t.beta = p == 0 ? g->beta : 1;
                        t.bias = g->bias ? g->bias + q + j : NULL;
                        t.c = g->C + i * g->ldc + q + j;
                        t.sums = block + j;
                        t.a_tile = plan->pack_a ? plan->kernels->mr * plan->kc : 0;
                        t.a_row = g->trans_a ? 1 : g->lda;
                        t.a_col = g->trans_a ? g->lda : 1;
                        t.a = plan->pack_a ? block : g->A + i * t.a_row + (p + u) * t.a_col;
                        t.b = plan->pack_b ? panels + j / nr * panel : g->B + (p + u) * g->ldb + q + j;
                        t.b_row = plan->pack_b ? nr : g->ldb;
                        if (plan->ahead) t.next = j + 2 * nr <= nc ? t.b + nr : p + 2 * kc <= K ? g->B + (p + kc) * g->ldb + q : NULL;
                        plan->kernels->gemm_panel(&t);
                    }
            }
        }
    }
}

/* Matrices up to about 60^3 are all overhead: no copies, no scratch, no threads. */
static void dli_gemm_small(const dli_kernels *kernels, const dli_gemm_args *g)
{
    dli_panel t;
    int64_t j;
    dli_gemm_set(&t, g);
    for (j = 0; j < g->N; j += kernels->nr) {
        t.M = g->M;
        t.N = dli_min64(g->N - j, kernels->nr);
        t.K = g->K;
        t.a = g->A;
        t.b = g->B + j;
        t.c = g->C + j;
        t.beta = g->beta;
        if (g->bias) t.bias = g->bias + j;
        kernels->gemm_panel(&t);
    }
}

/* One row, sums in the first cache. */
static void dli_gemm_row(const dli_gemm_plan *plan, const dli_gemm_args *g, dl_real *scratch)
{
    dli_panel t;
    int64_t j;
    dli_gemm_set(&t, g);
    t.sums = scratch;
    for (j = 0; j < g->N; j += plan->nc) {
        t.N = dli_min64(g->N - j, plan->nc);
        t.b = g->B + j;
        t.c = g->C + j;
        t.beta = g->beta;
        if (g->bias) t.bias = g->bias + j;
        plan->kernels->gemm_row(&t);
    }
}

static void dli_gemm_task(void *arg, int64_t part, int worker)
{
    const dli_gemm_plan *s = (const dli_gemm_plan *)arg;
    dli_gemm_args g = *s->args;
    const int64_t nr = s->kernels->nr, columns = (g.N + nr - 1) / nr;
    const int64_t n = part % s->tn, m = part / s->tn % s->tm, b = part / s->tn / s->tm;
    const int64_t i0 = g.M * m / s->tm, i1 = g.M * (m + 1) / s->tm;
    const int64_t j0 = columns * n / s->tn * nr, j1 = dli_min64(columns * (n + 1) / s->tn * nr, g.N);
    const int64_t first = g.batch * b / s->tb, end = g.batch * (b + 1) / s->tb;
    dl_real *scratch = s->scratch + worker * s->scratch_size;
    dli_panel t;
    int64_t l;
    g.M = i1 - i0;
    g.N = j1 - j0;
    if (g.bias) g.bias += j0;
    for (l = first; l < end; l++) {
        g.A = s->args->A + l * g.stride_a + i0 * (g.trans_a ? 1 : g.lda);
        g.B = s->args->B + l * g.stride_b + j0 * (g.trans_b ? g.ldb : 1);
        g.C = s->args->C + l * g.stride_c + i0 * g.ldc + j0;
        switch (s->path) {
        case DLI_GEMM_BLOCKS: dli_gemm_blocks(s, &g, scratch); break;
        case DLI_GEMM_ROW:    dli_gemm_row(s, &g, scratch); break;
        case DLI_GEMM_DOTS:   dli_gemm_set(&t, &g); s->kernels->gemm_dots(&t); break;
        }
    }
}

/* x[i * step], i < n, side by side, for each of a batch. */
static const dl_real *dli_gemm_gather(dl_ctx *c, const dl_real *x, int64_t step, int64_t n, int64_t stride, int64_t batch)
{
    dl_real *out = (dl_real *)dl_alloc(c, sizeof(dl_real) * (size_t)(n * batch));
    int64_t i, l;
    if (out) for (l = 0; l < batch; l++) for (i = 0; i < n; i++) out[l * n + i] = x[l * stride + i * step];
    return out;
}

/* Block sizes and copies, as measured with caches of 48 KB and 1 MB. */
static void dli_gemm_choose(dli_gemm_plan *s, const dli_gemm_args *g)
{
    const int64_t mr = s->kernels->mr, nr = s->kernels->nr, large = (int64_t)1 << 17;
    s->mc = 240;                                                /* 20 tiles of 12 rows, 40 of 6 */
    s->nc = 1024;
    s->kc = 2 * DLI_KC;
    s->ahead = 0;
    s->pack_a = g->lda % 1024 == 0 && g->N > 4 * nr;            /* rows of A that are 4 KB apart share a cache set */
    s->pack_b = g->trans_b || (g->K * g->N > large && (g->M > 8 * mr || g->ldb % 2048 == 0));
    if (g->N <= 4 * nr && !g->trans_b) {
        if (g->K * g->N <= large) { s->kc = 3 * DLI_KC; s->mc = 48; }       /* all of B stays in the second cache: stream A */
        else if (!s->pack_b)      { s->kc = DLI_KC; s->ahead = 1; }         /* long and thin */
    }
    s->ku = s->kc;
    if (g->M <= 16 && !g->trans_b && g->N >= 8 * nr && g->K * g->N > large) {    /* few rows: B is swept in wide rows, as it stands */
        s->pack_a = s->pack_b = s->ahead = 0;
        s->mc = 16;
        s->nc = 4096;
        s->kc = DLI_KC;
        s->ku = 8;
    }
    s->scratch_size = (s->kc + 1) * s->nc + s->mc * dli_max64(s->kc, s->ku < DLI_KC ? s->nc : 0);
    if (s->path == DLI_GEMM_ROW) s->scratch_size = s->nc = 4096;
    if (s->path == DLI_GEMM_DOTS) s->scratch_size = 0;
}

/* threads = tb tm tn: first the batch, then C into parts that load the fewest numbers, M/tm + N/tn. */
static void dli_gemm_divide(dli_gemm_plan *s, const dli_gemm_args *g, int64_t threads)
{
    const int64_t columns = (g->N + s->kernels->nr - 1) / s->kernels->nr;
    int64_t tm, tn;
    s->tb = dli_min64(g->batch, threads);
    threads /= s->tb;
    s->tm = s->tn = 1;
    for (tm = 1; tm <= threads && tm <= g->M; tm++) {
        tn = dli_min64(threads / tm, columns);
        if (tm * tn > s->tm * s->tn || (tm * tn == s->tm * s->tn && g->M / tm + g->N / tn < g->M / s->tm + g->N / s->tn)) {
            s->tm = tm;
            s->tn = tn;
        }
    }
}

static DLI_NOINLINE int dli_gemm_large(dl_ctx *c, const dli_gemm_args *args)
{
    dli_gemm_args g;
    dli_gemm_plan s;
    dli_mark mark;
    const double work = (double)args->M * (double)args->N * (double)args->K;
    /* Where rows of op(A) and columns of op(B) are contiguous and one side is short, by dots; vectors are made contiguous. */
    s.path = (!args->trans_a || args->M == 1) && (args->trans_b || args->N == 1) && dli_min64(args->M, args->N) <= 12 ?
             DLI_GEMM_DOTS : DLI_GEMM_BLOCKS;
    if (work == 0 || args->alpha == 0) s.path = DLI_GEMM_BLOCKS;
    g = *args;
    if (g.alpha == 0) g.K = 0;
    if (g.batch == 0) g.batch = 1;
    mark = dli_arena_mark(&c->step);
    if (s.path == DLI_GEMM_DOTS && g.trans_a) {
        if (g.lda != 1) { g.A = dli_gemm_gather(c, g.A, g.lda, g.K, g.stride_a, g.batch); g.stride_a = g.K; }
        g.lda = g.K;
        g.trans_a = 0;
    }
    if (s.path == DLI_GEMM_DOTS && !g.trans_b) {
        if (g.ldb != 1) { g.B = dli_gemm_gather(c, g.B, g.ldb, g.K, g.stride_b, g.batch); g.stride_b = g.K; }
        g.ldb = g.K;
        g.trans_b = 1;
    }
    if (s.path == DLI_GEMM_DOTS && (!g.A || !g.B)) { dli_arena_release(&c->step, mark); return 0; }
    if (s.path == DLI_GEMM_BLOCKS && g.M == 1 && !g.trans_b) s.path = DLI_GEMM_ROW;
    if (s.path == DLI_GEMM_BLOCKS && g.N == 1 && g.trans_a && g.K > 0 && g.ldc == 1 && !g.bias) {      /* A^T b = (b^T A)^T */
        dli_gemm_args r = g;
        r.A = g.B; r.lda = g.ldb; r.stride_a = g.stride_b; r.trans_a = !g.trans_b;
        r.B = g.A; r.ldb = g.lda; r.stride_b = g.stride_a; r.trans_b = 0;
        r.M = 1; r.N = g.M; r.ldc = g.M;
        g = r;
        s.path = DLI_GEMM_ROW;
    }
    s.kernels = c->k;
    s.args = &g;
    dli_gemm_choose(&s, &g);
    dli_gemm_divide(&s, &g, work * (double)g.batch < 500e3 ? 1 : c->threads);
    s.scratch = (dl_real *)dl_alloc(c, sizeof(dl_real) * (size_t)(s.scratch_size * s.tb * s.tm * s.tn));
    if (s.scratch) dli_parallel(c, s.tb * s.tm * s.tn, dli_gemm_task, &s);
    dli_arena_release(&c->step, mark);
    return s.scratch != NULL;
}

/* Returns 0 after an error: no memory for the copies.  Small ones go straight to the kernel. */
static int dli_gemm(dl_ctx *c, const dli_gemm_args *g)
{
    if (g->M <= 0 || g->N <= 0) return 1;
    if (g->trans_b || g->N == 1 || g->K <= 0 || g->alpha == 0 || g->batch > 1 || (double)g->M * (double)g->N * (double)g->K >= 300e3)
        return dli_gemm_large(c, g);
    dli_gemm_small(c->k, g);
    return 1;
}

DL_DEF int dl_gemm(dl_ctx *c, int trans_a, int trans_b, int64_t M, int64_t N, int64_t K, dl_real alpha, const dl_real *A, int64_t lda,
                   const dl_real *B, int64_t ldb, dl_real beta, dl_real *C, int64_t ldc)
{
    dli_gemm_args g;
    if (!c) return 0;
    if (M < 0 || N < 0 || K < 0) { dl_fail(c, "dl_gemm: negative size, M %l, N %l, K %l", M, N, K); return 0; }
    if (M == 0 || N == 0) return 1;
    if (ldc < N || (K > 0 && (lda < (trans_a ? M : K) || ldb < (trans_b ? K : N)))) {
        dl_fail(c, "dl_gemm: rows overlap, M %l, N %l, K %l, lda %l, ldb %l, ldc %l", M, N, K, lda, ldb, ldc);
        return 0;
    }
    if (!C || (K > 0 && alpha != 0 && (!A || !B))) { dl_fail(c, "dl_gemm: a matrix is NULL"); return 0; }
    g.trans_a = trans_a; g.trans_b = trans_b;
    g.M = M; g.N = N; g.K = K;
    g.alpha = alpha; g.beta = beta;
    g.A = A; g.lda = lda;
    g.B = B; g.ldb = ldb;
    g.C = C; g.ldc = ldc;
    g.bias = NULL; g.activation = DL_LINEAR;
    g.batch = g.stride_a = g.stride_b = g.stride_c = 0;
    return dli_gemm(c, &g);
}

/* ================================================================================================
   >>autograd    dl_apply, the tape, dl_backward, dl_gradcheck

   The tape is the list of recorded results in order of creation, which is a topological order: backward walks it once
   from the loss to the front.  The gradient of a result lives from its first use to its own backward, after which its
   buffer serves the next result; gradients of leaves stay.
   ================================================================================================ */
DL_DEF dl_tensor *dl_apply(dl_ctx *c, const dl_op *op, int n, dl_tensor *const *src, const void *opts, size_t opts_size)
{
    dl_tensor *y;
    int i, needs_grad = 0;
    if (!c || c->failed) return DLI_NIL;
    if (!op || n < 0 || (n && !src) || (opts_size && !opts)) return dl_fail(c, "apply: op, sources or options are NULL");
    for (i = 0; i < n; i++) {
        if (dl_is_nil(src[i])) return dl_fail(c, "%s: input %d is %s", op->name, i, src[i] ? "nil, the result of a failed call" : "NULL");
        needs_grad |= src[i]->requires_grad;
    }
    y = dli_node(c, n, opts_size, 0);
    if (!y) return DLI_NIL;
    y->op = op;
    for (i = 0; i < n; i++) y->src[i] = src[i];
    if (opts_size) memcpy(y->opts, opts, opts_size);
    if (!op->shape(c, y) || c->failed) return DLI_NIL;
    if (!y->data && !y->idata && !dli_alloc_data(c, y)) return DLI_NIL;
    op->forward(c, y);
    if (c->failed) return DLI_NIL;
    if (needs_grad && c->grad_enabled && op->backward) {
        y->requires_grad = 1;
        y->prev = c->tape;
        c->tape = y;
    } else {
        y->op = NULL;                                    /* nobody will ask: a leaf like any other */
        y->nsrc = 0;
    }
    return y;
}

/* A spent gradient buffer that fits n elements without wasting more than half of itself, else a new one. */
static dl_real *dli_grad_buffer(dl_ctx *c, int64_t n, size_t *cap)
{
    dli_spare **link, *s;
    size_t need = (size_t)n * sizeof(dl_real);
    if (need < sizeof(dli_spare)) need = sizeof(dli_spare);
    for (link = &c->spare; (s = *link) != NULL; link = &s->next)
        if (s->cap >= need && s->cap / 2 <= need + 64) {
            *link = s->next;
            *cap = s->cap;
            return (dl_real *)(void *)s;
        }
    *cap = need;
    return (dl_real *)dl_alloc(c, need);
}

static void dli_grad_release(dl_ctx *c, dl_tensor *x)
{
    dli_spare *s = (dli_spare *)(void *)x->grad_buf;
    if (s) {
        s->cap = x->grad_cap;
        s->next = c->spare;
        c->spare = s;
    }
    x->grad = x->grad_buf = NULL;
}

DL_DEF dl_real *dl_grad_of(dl_ctx *c, dl_tensor *x, int *add)
{
    *add = x->grad != NULL;
    if (!x->requires_grad || c->failed) return NULL;
    if (x->grad) return x->grad;
    if (!x->grad_buf) {
        if (x->op)        x->grad_buf = dli_grad_buffer(c, x->size, &x->grad_cap);
        else if (x->kept) x->grad_buf = (dl_real *)dl_alloc_keep(c, (size_t)x->size * sizeof(dl_real));
        else              x->grad_buf = (dl_real *)dl_alloc(c, (size_t)x->size * sizeof(dl_real));
    }
    return x->grad = x->grad_buf;
}

/* dx = dy, without copying if y is done with its gradient and x has none yet: for reshape, add, ... */
static void dli_grad_pass(dl_ctx *c, dl_tensor *y, dl_tensor *x)
{
    int add;
    dl_real *dx;
    if (x->requires_grad && !x->grad && !x->grad_buf && x->op && !y->retain_grad && y->grad_buf) {
        x->grad = x->grad_buf = y->grad_buf;
        x->grad_cap = y->grad_cap;
        y->grad_buf = NULL;
        return;
    }
    dx = dl_grad_of(c, x, &add);
    if (dx && add) c->k->add(dx, y->grad, x->size);
    else if (dx) memcpy(dx, y->grad, (size_t)x->size * sizeof *dx);
}

DL_DEF void dl_zero_grad(dl_tensor *x)   { if (!dl_is_nil(x)) x->grad = NULL; }
DL_DEF void dl_retain_grad(dl_tensor *x) { if (!dl_is_nil(x)) x->retain_grad = 1; }

/* After an error in the middle: half a gradient is worth nothing, drop them all. */
static void dli_drop_grads(dl_tensor *t)
{
    int i;
    for (; t; t = t->prev) {
        t->grad = NULL;
        for (i = 0; i < t->nsrc; i++) t->src[i]->grad = NULL;
    }
}

DL_DEF int dl_backward_with(dl_ctx *c, dl_tensor *y, dl_backward_opts o)
{
    dl_tensor *t;
    dl_real *dy;
    int add;
    if (!dli_check(c, "backward", "y", y, DL_REAL)) return 0;
    if (!y->requires_grad) { dl_fail(c, "backward: %t does not depend on a tensor that requires a gradient", y); return 0; }
    if (!o.grad && y->size != 1) { dl_fail(c, "backward: %t is not a scalar; give .grad", y); return 0; }
    if (o.grad && (o.grad->ndim != y->ndim || memcmp(o.grad->shape, y->shape, sizeof y->shape) || o.grad->dtype != DL_REAL)) {
        dl_fail(c, "backward: the gradient %t does not fit %t", o.grad, y);
        return 0;
    }
    for (t = y->op ? y : NULL; t; t = t->prev) t->grad = NULL;   /* retained from an earlier backward */
    dy = dl_grad_of(c, y, &add);
    if (dy && !o.grad)  dy[0] = (add ? dy[0] : 0) + 1;
    else if (dy && add) c->k->add(dy, o.grad->data, y->size);
    else if (dy)        memcpy(dy, o.grad->data, (size_t)y->size * sizeof *dy);
    for (t = y->op ? y : NULL; t && !c->failed; t = t->prev) {
        if (!t->grad) continue;
        t->op->backward(c, t);
        if (!t->retain_grad) dli_grad_release(c, t);
    }
    if (c->failed) dli_drop_grads(y);
    return !c->failed;
}

DL_DEF dl_tensor *dl_requires_grad(dl_ctx *c, dl_tensor *x, int on)
{
    if (!dli_check(c, "requires_grad", "x", x, DL_REAL)) return DLI_NIL;
    if (x->op && !on) return dl_fail(c, "requires_grad: %t is a result; use dl_detach", x);
    x->requires_grad = on;
    return x;
}

DL_DEF dl_tensor *dl_detach(dl_ctx *c, dl_tensor *x)
{
    dl_tensor *t;
    if (!dli_check_any(c, "detach", x)) return DLI_NIL;
    t = dli_node(c, 0, 0, 0);
    if (!t) return DLI_NIL;
    t->data = x->data;
    t->idata = x->idata;
    memcpy(t->shape, x->shape, sizeof t->shape);
    t->size = x->size;
    t->ndim = x->ndim;
    t->dtype = x->dtype;
    return t;
}

/* --- gradient check --------------------------------------------------------------------------------- */

/* L = sum_i r_i y_i, r_i in [0.5, 1.5) with random signs, the same at every call. */
static double dli_weighted_sum(dl_ctx *c, const dl_tensor *y, const dl_tensor *r)
{
    double s = 0;
    int64_t i;
    (void)c;
    for (i = 0; i < y->size; i++) s += (double)r->data[i] * (double)y->data[i];
    return s;
}

DL_DEF int dl_gradcheck_with(dl_ctx *c, dl_gradcheck_fn f, int n, dl_tensor **inputs, dl_gradcheck_opts o)
{
    dl_tensor *y, *r;
    uint64_t calls = c ? c->calls : 0;
    int64_t i, entries = 0, certified = 0;
    int k, old_grad;
    double eps  = o.eps > 0 ? o.eps : sizeof(dl_real) == 8 ? 1e-6 : 1e-2;
    double atol = o.atol > 0 ? o.atol : 1e-6, rtol = o.rtol > 0 ? o.rtol : 1e-5;
    if (!c || c->failed) return 0;
    if (!f || !inputs || n < 1) { dl_fail(c, "gradcheck: no function or no inputs"); return 0; }
    for (k = 0; k < n; k++) if (!dli_check(c, "gradcheck", "an input", inputs[k], DL_REAL)) return 0;
    for (k = 0; k < n; k++) dl_zero_grad(inputs[k]);
    y = f(c, inputs, o.user);
    if (!dli_check(c, "gradcheck", "the function's result", y, DL_REAL)) return 0;
    r = dli_leaf(c, "gradcheck", DL_REAL, y->ndim, y->shape, 0);
    if (dl_is_nil(r)) return 0;
    for (i = 0; i < r->size; i++) {
        uint32_t counter[4] = {0, 0, 0x67726164u, 0x63686563u}, key[2] = {0, 0}, out[4];
        counter[0] = (uint32_t)i;
        dl_philox(counter, key, out);
        r->data[i] = (dl_real)((0.5 + (out[0] >> 8) * (1.0 / 16777216)) * (out[1] & 1 ? 1 : -1));
    }
    {
        dl_backward_opts b;
        b.grad = r;
        b.end_ = 0;
        if (!dl_backward_with(c, y, b)) return 0;
    }
    old_grad = dl_set_grad_enabled(c, 0);
    for (k = 0; k < n && !c->failed; k++) {
        dl_tensor *x = inputs[k];
        for (i = 0; x->requires_grad && i < x->size; i++) {
            dl_real old = x->data[i];
            double size = old < 0 ? -(double)old : (double)old, h = eps * (size > 1 ? size : 1), up, down, a, d, scale, err;
            volatile dl_real xp = (dl_real)((double)old + h), xm = (dl_real)((double)old - h);
            dli_mark m = dli_arena_mark(&c->step);
            x->data[i] = xp; c->calls = calls; y = f(c, inputs, o.user); up = dl_is_nil(y) ? 0 : dli_weighted_sum(c, y, r);
            x->data[i] = xm; c->calls = calls; y = f(c, inputs, o.user); down = dl_is_nil(y) ? 0 : dli_weighted_sum(c, y, r);
            x->data[i] = old;
            dli_arena_release(&c->step, m);
            if (c->failed) break;
            d = (up - down) / ((double)xp - (double)xm);
            a = x->grad ? (double)x->grad[i] : 0;
            scale = a < 0 ? -a : a;
            if (d > scale) scale = d;
            if (-d > scale) scale = -d;
            err = a > d ? a - d : d - a;
            entries++;
            if (err <= rtol * scale) certified++;
            if (!(err <= atol + rtol * scale)) {
                dl_fail(c, "gradcheck: input %d %t at index %l: backward says %g, differences say %g", k, x, i, a, d);
                break;
            }
        }
    }
    dl_set_grad_enabled(c, old_grad);
    if (o.certified) *o.certified = entries ? (double)certified / (double)entries : 1;
    return !c->failed;
}

/* ================================================================================================
   >>frames      what walks over tensors: maps (elementwise with broadcasting), reductions, strided copies, lines

   Frames do shapes, broadcasting, chunks and threads; kernels only see pointers and lengths.
   ================================================================================================ */
#define DLI_CHUNK     1024           /* elements of a scratch row on the stack: stays in the L1 cache          */
#define DLI_PAR_WORK  65536          /* elements of simple work that pay for waking a second thread            */
#define DLI_MAX_INPUTS 5

/* --- maps: out = f(in ...) over a shape; an input axis of size 1 stretches, missing axes are added in front ----------
   Several outputs of the same inputs (the gradients of a binary op) are made chunk by chunk, so that inputs are read once. */
#define DLI_MAX_OUTPUTS 2
typedef struct { dli_map *f; dl_real *out; int add; } dli_output;

typedef struct {
    const dl_ctx  *c;
    const dl_real *s;                                   /* the op's scalars                          */
    int            nout, nin, ndim;
    dli_output     out[DLI_MAX_OUTPUTS];
    const dl_real *in[DLI_MAX_INPUTS];
    int64_t        size[DL_MAX_DIMS];                   /* collapsed: as few axes as possible        */
    int64_t        stride[DLI_MAX_INPUTS][DL_MAX_DIMS]; /* of each input, 0 where it stretches       */
    int64_t        total, per_task;
} dli_map_job;

/* Elements lo..lo+n-1, all in one row of the last axis, of which off[k] is input k's first. */
static void dli_map_row(const dli_map_job *j, int64_t lo, int64_t n, const int64_t *off)
{
    dl_real filled[DLI_MAX_INPUTS][DLI_CHUNK], sum[DLI_CHUNK];
    const dl_real *in[DLI_MAX_INPUTS] = {NULL, NULL, NULL, NULL, NULL};
    int64_t i, l, step = j->nout > 1 || j->out[0].add ? dli_min64(n, DLI_CHUNK) : n;
    int k, o, last = j->ndim - 1;
    for (k = 0; k < j->nin; k++)
        if (j->stride[k][last] == 0) {                  /* a stretched input becomes a short row of equals */
            step = dli_min64(step, DLI_CHUNK);
            for (l = 0; l < dli_min64(n, DLI_CHUNK); l++) filled[k][l] = j->in[k][off[k]];
        }
    for (i = 0; i < n; i += step) {
        int64_t m = dli_min64(step, n - i);
        for (k = 0; k < j->nin; k++) in[k] = j->stride[k][last] == 0 ? filled[k] : j->in[k] + off[k] + i;
        for (o = 0; o < j->nout; o++) {
            const dli_output *p = &j->out[o];
            p->f(p->add ? sum : p->out + lo + i, in, m, j->s);
            if (p->add) j->c->k->add(p->out + lo + i, sum, m);
        }
    }
}

static void dli_map_task(void *arg, int64_t task, int worker)
{
    const dli_map_job *j = (const dli_map_job *)arg;
    int64_t lo = task * j->per_task, hi = dli_min64(lo + j->per_task, j->total), row = j->size[j->ndim - 1];
    (void)worker;
    while (lo < hi) {
        int64_t off[DLI_MAX_INPUTS], rest = lo, n = dli_min64(row - lo % row, hi - lo);
        int k, d;
        for (k = 0; k < j->nin; k++) off[k] = 0;
        for (d = j->ndim - 1; d >= 0; d--) {
            int64_t index = rest % j->size[d];
            rest /= j->size[d];
            for (k = 0; k < j->nin; k++) off[k] += index * j->stride[k][d];
        }
        dli_map_row(j, lo, n, off);
        lo += n;
    }
}

/* Each out, shaped like `like`, = or += its f of the inputs x with values data, which broadcast to that shape. */
static void dli_run_maps(dl_ctx *c, const dl_tensor *like, const dl_real *s, int nout, const dli_output *out, int nin,
                         dl_tensor *const *x, const dl_real *const *data)
{
    dli_map_job j;
    int64_t total = like->size;
    int k, o, d, flat = 1, adds = 0;
    for (k = 0; k < nin; k++) flat &= x[k]->size == total;
    for (o = 0; o < nout; o++) adds |= out[o].add;
    if (flat && !adds && total <= DLI_CHUNK) {          /* the usual small case, kept short */
        for (o = 0; o < nout; o++) out[o].f(out[o].out, data, total, s);
        return;
    }
    j.c = c; j.s = s; j.nout = nout; j.nin = nin; j.total = total;
    for (o = 0; o < nout; o++) j.out[o] = out[o];
    for (k = 0; k < nin; k++) j.in[k] = data[k];
    j.ndim = 0;
    for (d = 0; d < like->ndim && !flat; d++) {
        int64_t stride[DLI_MAX_INPUTS], e, n = like->shape[d];
        int joins = j.ndim > 0;
        if (n == 1) continue;
        for (k = 0; k < nin; k++) {
            int own = d - (like->ndim - x[k]->ndim);
            stride[k] = own < 0 || x[k]->shape[own] == 1 ? 0 : 1;
            for (e = own + 1; stride[k] && e < x[k]->ndim; e++) stride[k] *= x[k]->shape[e];
            joins = joins && j.stride[k][j.ndim - 1] == stride[k] * n;
        }
        if (!joins) j.size[j.ndim++] = 1;
        j.size[j.ndim - 1] *= n;
        for (k = 0; k < nin; k++) j.stride[k][j.ndim - 1] = stride[k];
    }
    if (j.ndim == 0) {                                  /* all of one shape: a single row */
        j.ndim = 1;
        j.size[0] = total;
        for (k = 0; k < nin; k++) j.stride[k][0] = 1;
    }
    j.per_task = total;
    if (c->threads > 1 && total >= DLI_PAR_WORK) j.per_task = ((total + c->threads - 1) / c->threads + 63) & ~(int64_t)63;
    dli_parallel(c, (total + j.per_task - 1) / j.per_task, dli_map_task, &j);
}

/* The same with one output. */
static void dli_run_map(dl_ctx *c, const dl_tensor *like, dli_map *f, const dl_real *s, dl_real *out, int add, int nin,
                        dl_tensor *const *x, const dl_real *const *data)
{
    dli_output o;
    o.f = f; o.out = out; o.add = add;
    dli_run_maps(c, like, s, 1, &o, nin, x, data);
}

/* Set y's shape to what its nsrc sources broadcast to. */
static int dli_broadcast_shape(dl_ctx *c, dl_tensor *y)
{
    int64_t shape[DL_MAX_DIMS];
    int ndim = 0, d, k;
    for (k = 0; k < y->nsrc; k++) {
        if (!dli_check(c, y->op->name, "an input", y->src[k], DL_REAL)) return 0;
        if (y->src[k]->ndim > ndim) ndim = y->src[k]->ndim;
    }
    if (y->nsrc == 1 || (y->nsrc == 2 && y->src[0]->ndim == y->src[1]->ndim && !memcmp(y->src[0]->shape, y->src[1]->shape, sizeof shape))) {
        memcpy(y->shape, y->src[0]->shape, sizeof shape);                           /* the usual case, kept short */
        y->ndim = ndim;
        y->size = y->src[0]->size;
        return 1;
    }
    for (d = 0; d < ndim; d++) {
        shape[d] = 1;
        for (k = 0; k < y->nsrc; k++) {
            int own = d - (ndim - y->src[k]->ndim);
            int64_t n = own < 0 ? 1 : y->src[k]->shape[own];
            if (n == 1) continue;
            if (shape[d] != 1 && shape[d] != n) {
                dl_fail(c, "%s: shapes %t and %t do not broadcast", y->op->name, y->src[y->nsrc - 2], y->src[y->nsrc - 1]);
                return 0;
            }
            shape[d] = n;
        }
    }
    return dl_set_shape(c, y, ndim, shape);
}

/* --- reductions: axes of a tensor, collapsed into groups that are kept or reduced in turn ----------------------------- */
typedef struct {
    int     ngroups;
    int64_t size[DL_MAX_DIMS], stride[DL_MAX_DIMS];     /* row-major strides within x                */
    int     reduced[DL_MAX_DIMS];
    int64_t kept, count;                                /* outputs; elements that make one output    */
} dli_groups;

static dli_groups dli_make_groups(const dl_tensor *x, unsigned mask)
{
    dli_groups g;
    int d, i;
    g.ngroups = 0;
    g.kept = g.count = 1;
    for (d = 0; d < x->ndim; d++) {
        int reduced = mask >> d & 1;
        if (x->shape[d] == 1) continue;
        if (!g.ngroups || g.reduced[g.ngroups - 1] != reduced) {
            g.size[g.ngroups] = 1;
            g.reduced[g.ngroups++] = reduced;
        }
        g.size[g.ngroups - 1] *= x->shape[d];
        if (reduced) g.count *= x->shape[d]; else g.kept *= x->shape[d];
    }
    if (!g.ngroups) { g.size[0] = 1; g.reduced[0] = 1; g.ngroups = 1; }
    for (i = g.ngroups - 1; i >= 0; i--) g.stride[i] = i == g.ngroups - 1 ? 1 : g.stride[i + 1] * g.size[i + 1];
    return g;
}

/* Offset in x of the i-th kept (reduced = 0) or reduced (1) index, counted row-major over the groups before `end`. */
static int64_t dli_group_offset(const dli_groups *g, int reduced, int end, int64_t i)
{
    int64_t off = 0;
    int d;
    for (d = end - 1; d >= 0; d--)
        if (g->reduced[d] == reduced) {
            off += i % g->size[d] * g->stride[d];
            i /= g->size[d];
        }
    return off;
}

/* A reduction is a kernel for a contiguous row and a map that joins two partial results. */
typedef struct { dl_real (*row)(const dl_real *x, int64_t n); dli_map *join; } dli_reducer;

#define DLI_REDUCE_COLUMNS 512       /* columns that one task sums together                                    */
#define DLI_REDUCE_ROWS    256       /* partial results are joined every so many rows: error grows with n/256  */
#define DLI_REDUCE_ROW     262144    /* longer rows are cut into pieces, joined by the row kernel              */

typedef struct { const dli_groups *g; dli_reducer r; const dl_real *x; dl_real *y; int64_t columns, pieces; } dli_reduce_job;

static dl_real dli_join(dli_map *f, dl_real a, dl_real b)
{
    const dl_real *in[2];
    dl_real y;
    in[0] = &a; in[1] = &b;
    f(&y, in, 1, NULL);
    return y;
}

/* Last group reduced: each output joins its contiguous rows in order. */
static void dli_reduce_rows(void *arg, int64_t i, int worker)
{
    const dli_reduce_job *j = (const dli_reduce_job *)arg;
    const dli_groups *g = j->g;
    int64_t n = g->size[g->ngroups - 1], rows = g->count / n, r;
    const dl_real *x = j->x + dli_group_offset(g, 0, g->ngroups, i);
    (void)worker;
    for (r = 0; r < rows; r++) {
        dl_real s = j->r.row(x + dli_group_offset(g, 1, g->ngroups - 1, r), n);
        j->y[i] = r ? dli_join(j->r.join, j->y[i], s) : s;
    }
}

/* Last group kept: a strip of columns joins its rows in order, in blocks of DLI_REDUCE_ROWS. */
static void dli_reduce_columns(void *arg, int64_t task, int worker)
{
    const dli_reduce_job *j = (const dli_reduce_job *)arg;
    const dli_groups *g = j->g;
    int64_t width = g->size[g->ngroups - 1], outer = task / j->columns, first = task % j->columns * DLI_REDUCE_COLUMNS;
    int64_t n = dli_min64(DLI_REDUCE_COLUMNS, width - first), r;
    const dl_real *x = j->x + dli_group_offset(g, 0, g->ngroups - 1, outer) + first;
    dl_real *y = j->y + outer * width + first, buffer[3][DLI_REDUCE_COLUMNS], *block = buffer[0], *total = NULL;
    (void)worker;
    for (r = 0; r < g->count; r++) {
        const dl_real *row = x + dli_group_offset(g, 1, g->ngroups - 1, r), *in[2];
        if (r % DLI_REDUCE_ROWS == 0) memcpy(block, row, (size_t)n * sizeof *row);
        else {
            dl_real *next = block == buffer[0] ? buffer[1] : buffer[0];
            in[0] = block; in[1] = row;
            j->r.join(next, in, n, NULL);
            block = next;
        }
        if (r % DLI_REDUCE_ROWS == DLI_REDUCE_ROWS - 1 || r == g->count - 1) {
            in[0] = total; in[1] = block;
            if (!total) memcpy(y, block, (size_t)n * sizeof *y);
            else { j->r.join(buffer[2], in, n, NULL); memcpy(y, buffer[2], (size_t)n * sizeof *y); }
            total = y;
        }
    }
}

static void dli_reduce_pieces(void *arg, int64_t i, int worker)
{
    const dli_reduce_job *j = (const dli_reduce_job *)arg;
    (void)worker;
    j->y[i] = j->r.row(j->x + i * DLI_REDUCE_ROW, dli_min64(DLI_REDUCE_ROW, j->g->count - i * DLI_REDUCE_ROW));
}

static void dli_parallel_if(const dl_ctx *c, int worth, int64_t n, dli_task *task, void *arg)
{
    int64_t i;
    if (worth) dli_parallel(c, n, task, arg);
    else for (i = 0; i < n; i++) task(arg, i, 0);
}

/* y (kept elements) = reduction of x over the axes of mask.  The order of operations depends on the shape only. */
static void dli_reduce(dl_ctx *c, dli_reducer r, const dl_tensor *x, const dl_real *data, unsigned mask, dl_real *y)
{
    dli_groups g = dli_make_groups(x, mask);
    int last = g.ngroups - 1, worth = x->size >= DLI_PAR_WORK;
    dli_reduce_job j;
    j.g = &g; j.r = r; j.x = data; j.y = y; j.columns = 1;
    if (!g.reduced[last]) {
        j.columns = (g.size[last] + DLI_REDUCE_COLUMNS - 1) / DLI_REDUCE_COLUMNS;
        dli_parallel_if(c, worth, g.kept / g.size[last] * j.columns, dli_reduce_columns, &j);
    } else if (g.kept == 1 && g.count > DLI_REDUCE_ROW) {
        dli_mark m = dli_arena_mark(&c->step);
        int64_t pieces = (g.count + DLI_REDUCE_ROW - 1) / DLI_REDUCE_ROW;
        j.y = (dl_real *)dl_alloc(c, (size_t)pieces * sizeof *y);
        if (j.y) {
            dli_parallel(c, pieces, dli_reduce_pieces, &j);
            y[0] = r.row(j.y, pieces);
        }
        dli_arena_release(&c->step, m);
    } else dli_parallel_if(c, worth, g.kept, dli_reduce_rows, &j);
}

/* Gradient of broadcasting: dx = or += sum of g (shaped like y) over the axes in which x was stretched. */
static void dli_sum_to(dl_ctx *c, const dl_tensor *y, const dl_real *g, const dl_tensor *x, dl_real *dx, int add)
{
    unsigned mask = 0;
    int d;
    dli_reducer r;
    dli_mark m = dli_arena_mark(&c->step);
    dl_real *t = dx;
    if (x->size == y->size) {
        if (add) c->k->add(dx, g, x->size); else memcpy(dx, g, (size_t)x->size * sizeof *dx);
        return;
    }
    for (d = 0; d < y->ndim; d++) {
        int own = d - (y->ndim - x->ndim);
        if (own < 0 || x->shape[own] != y->shape[d]) mask |= 1u << d;
    }
    r.row = c->k->sum;
    r.join = c->k->f_add;
    if (add) t = (dl_real *)dl_alloc(c, (size_t)x->size * sizeof *t);
    if (t) dli_reduce(c, r, y, g, mask, t);
    if (t && add) c->k->add(dx, t, x->size);
    dli_arena_release(&c->step, m);
}

/* --- strided copies: slice, permute, cat, pad, expand, ... and their gradients ---------------------------------------- */
typedef struct {
    int     ndim;
    int64_t size[DL_MAX_DIMS], to[DL_MAX_DIMS], from[DL_MAX_DIMS];    /* extents; strides in elements */
} dli_walk;

/* dst[walk] = or += src[walk], elements of elem bytes; adding only for dl_real. */
static void dli_copy(const dl_ctx *c, const dli_walk *w, void *dst, const void *src, size_t elem, int add)
{
    int64_t index[DL_MAX_DIMS] = {0}, to = 0, from = 0, n = 1, ts = 1, fs = 1, i;
    int d, last = w->ndim - 1;
    if (last >= 0) { n = w->size[last]; ts = w->to[last]; fs = w->from[last]; }
    for (;;) {
        char *p = (char *)dst + to * (int64_t)elem;
        const char *q = (const char *)src + from * (int64_t)elem;
        if (add) {
            dl_real *pr = (dl_real *)(void *)p;
            const dl_real *qr = (const dl_real *)(const void *)q;
            if (ts == 1 && fs == 1) c->k->add(pr, qr, n);
            else if (ts == 0 && fs == 1) *pr += c->k->sum(qr, n);
            else for (i = 0; i < n; i++) pr[i * ts] += qr[i * fs];
        } else if (ts == 1 && fs == 1) {
            memcpy(p, q, (size_t)n * elem);
        } else if (elem == 4) {
            for (i = 0; i < n; i++) memcpy(p + 4 * i * ts, q + 4 * i * fs, 4);
        } else {
            for (i = 0; i < n; i++) memcpy(p + 8 * i * ts, q + 8 * i * fs, 8);
        }
        for (d = last - 1; d >= 0; d--) {
            to += w->to[d];
            from += w->from[d];
            if (++index[d] < w->size[d]) break;
            index[d] = 0;
            to -= w->to[d] * w->size[d];
            from -= w->from[d] * w->size[d];
        }
        if (d < 0) return;
    }
}

static void dli_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t n = 1;
    int d;
    for (d = DL_MAX_DIMS - 1; d >= ndim; d--) stride[d] = 0;
    for (; d >= 0; d--) { stride[d] = n; n *= shape[d]; }
}

/* ================================================================================================
   >>ops         every op in one place: formula, shape, forward, backward, constructor
   ================================================================================================ */

/* --- elementwise: made from the rows of DL_UNARY_OPS and its sisters in >>api --------------------- */
static void dli_map_forward(dl_ctx *c, dl_tensor *y, dli_map *f)
{
    const dl_real *data[3] = {NULL, NULL, NULL};
    int k;
    for (k = 0; k < y->nsrc; k++) data[k] = y->src[k]->data;
    dli_run_map(c, y, f, (const dl_real *)y->opts, y->data, 0, y->nsrc, y->src, data);
}

/* Gradients of n sources from the first on: df[i] sees all sources, then y and its gradient. */
static void dli_map_backward(dl_ctx *c, dl_tensor *y, int first, int n, dli_map *const *df)
{
    dl_tensor *in[DLI_MAX_INPUTS];
    const dl_real *data[DLI_MAX_INPUTS], *s = (const dl_real *)y->opts;
    dli_output out[DLI_MAX_OUTPUTS];
    int i, k, nin = y->nsrc, nout = 0, add;
    for (k = 0; k < nin; k++) { in[k] = y->src[k]; data[k] = y->src[k]->data; }
    in[nin] = in[nin + 1] = y;
    data[nin] = y->data;
    data[nin + 1] = y->grad;
    for (i = 0; i < n; i++) {
        dl_tensor *x = y->src[first + i];
        dl_real *dx = dl_grad_of(c, x, &add), *t;
        dli_mark m = dli_arena_mark(&c->step);
        if (!dx) continue;
        if (x->size == y->size) {
            out[nout].f = df[i]; out[nout].out = dx; out[nout++].add = add;
            continue;
        }
        t = (dl_real *)dl_alloc(c, (size_t)y->size * sizeof *t);         /* x was stretched: sum over the stretched axes */
        if (t) {
            dli_run_map(c, y, df[i], s, t, 0, nin + 2, in, data);
            dli_sum_to(c, y, t, x, dx, add);
        }
        dli_arena_release(&c->step, m);
    }
    if (nout) dli_run_maps(c, y, s, nout, out, nin + 2, in, data);
}

#define DLI_ROW(name, f, dx)                                                                                         \
    static void dli_##name##_forward(dl_ctx *c, dl_tensor *y)  { dli_map_forward(c, y, c->k->f_##name); }             \
    static void dli_##name##_backward(dl_ctx *c, dl_tensor *y) { dli_map_backward(c, y, 0, 1, &c->k->dx_##name); }    \
    static const dl_op dli_##name##_op = { #name, dli_broadcast_shape, dli_##name##_forward, dli_##name##_backward };
DL_UNARY_OPS(DLI_ROW)
DL_UNARY_SCALAR_OPS(DLI_ROW)
DL_UNARY_RANGE_OPS(DLI_ROW)
#undef DLI_ROW
#define DLI_ROW(name, f, dx) DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x) { return dl_apply(c, &dli_##name##_op, 1, &x, NULL, 0); }
DL_UNARY_OPS(DLI_ROW)
#undef DLI_ROW
#define DLI_ROW(name, f, dx)                                                                                         \
    DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x, dl_real p)                                                  \
    { dl_real s[2]; s[0] = p; s[1] = 0; return dl_apply(c, &dli_##name##_op, 1, &x, s, sizeof s); }
DL_UNARY_SCALAR_OPS(DLI_ROW)
#undef DLI_ROW
#define DLI_ROW(name, f, dx)                                                                                         \
    DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *x, dl_real p, dl_real q)                                       \
    { dl_real s[2]; s[0] = p; s[1] = q; return dl_apply(c, &dli_##name##_op, 1, &x, s, sizeof s); }
DL_UNARY_RANGE_OPS(DLI_ROW)
#undef DLI_ROW

#define DLI_BODY(name)                                                                                               \
    static void dli_##name##_forward(dl_ctx *c, dl_tensor *y)  { dli_map_forward(c, y, c->k->f_##name); }             \
    static void dli_##name##_backward(dl_ctx *c, dl_tensor *y)                                                       \
    { dli_map *df[2]; df[0] = c->k->da_##name; df[1] = c->k->db_##name; dli_map_backward(c, y, y->nsrc - 2, 2, df); } \
    static const dl_op dli_##name##_op = { #name, dli_broadcast_shape, dli_##name##_forward, dli_##name##_backward };
#define DLI_ROW(name, f, da, db) DLI_BODY(name)                                                                      \
    DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *a, dl_tensor *b)                                               \
    { dl_tensor *s[2]; s[0] = a; s[1] = b; return dl_apply(c, &dli_##name##_op, 2, s, NULL, 0); }
DL_BINARY_OPS(DLI_ROW)
#undef DLI_ROW
#define DLI_ROW(name, f, da, db) DLI_BODY(name)                                                                      \
    DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *m, dl_tensor *a, dl_tensor *b)                                 \
    { dl_tensor *s[3]; s[0] = m; s[1] = a; s[2] = b; return dl_apply(c, &dli_##name##_op, 3, s, NULL, 0); }
DL_TERNARY_OPS(DLI_ROW)
#undef DLI_ROW
#undef DLI_BODY
#define DLI_ROW(name, f)                                                                                             \
    static void dli_##name##_forward(dl_ctx *c, dl_tensor *y) { dli_map_forward(c, y, c->k->f_##name); }              \
    static const dl_op dli_##name##_op = { #name, dli_broadcast_shape, dli_##name##_forward, NULL };                 \
    DL_DEF dl_tensor *dl_##name(dl_ctx *c, dl_tensor *a, dl_tensor *b)                                               \
    { dl_tensor *s[2]; s[0] = a; s[1] = b; return dl_apply(c, &dli_##name##_op, 2, s, NULL, 0); }
DL_COMPARE_OPS(DLI_ROW)
#undef DLI_ROW

/* --- dropout: y = x mask / (1 - p);  dx = g mask / (1 - p), the same mask, made again from the call number ------------
   Srivastava et al. 2014, "inverted": evaluation changes nothing. */
typedef struct { uint64_t seed, call; dl_real p; } dli_dropout_opts;

typedef struct { const dl_ctx *c; const dli_dropout_opts *o; dl_real *y; const dl_real *x; int64_t n; int add; } dli_dropout_job;

static void dli_dropout_task(void *arg, int64_t i, int worker)
{
    const dli_dropout_job *j = (const dli_dropout_job *)arg;
    int64_t first = i * DLI_RANDOM_CHUNK;
    (void)worker;
    j->c->k->dropout(j->y + first, j->x + first, dli_min64(DLI_RANDOM_CHUNK, j->n - first), j->o->seed, j->o->call, (uint64_t)first,
                     j->o->p, j->add);
}

static void dli_dropout(const dl_ctx *c, const dl_tensor *y, dl_real *out, const dl_real *in, int add)
{
    dli_dropout_job j;
    j.c = c; j.o = (const dli_dropout_opts *)y->opts; j.y = out; j.x = in; j.n = y->size; j.add = add;
    dli_parallel(c, (y->size + DLI_RANDOM_CHUNK - 1) / DLI_RANDOM_CHUNK, dli_dropout_task, &j);
}

static void dli_dropout_forward(dl_ctx *c, dl_tensor *y) { dli_dropout(c, y, y->data, y->src[0]->data, 0); }
static void dli_dropout_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_dropout(c, y, dx, y->grad, add);
}
static const dl_op dli_dropout_op = { "dropout", dli_broadcast_shape, dli_dropout_forward, dli_dropout_backward };
DL_DEF dl_tensor *dl_dropout(dl_ctx *c, dl_tensor *x, dl_real p)
{
    dli_dropout_opts o;
    if (!(p >= 0 && p <= 1)) return dl_fail(c, "dropout: p is %g, expected 0 to 1", (double)p);
    if (!dli_check(c, "dropout", "x", x, DL_REAL)) return DLI_NIL;
    if (!c->training || p == 0) return x;
    if (p == 1) return dl_mul_scalar(c, x, 0);
    o.seed = c->seed; o.call = c->calls++; o.p = p;
    return dl_apply(c, &dli_dropout_op, 1, &x, &o, sizeof o);
}

/* --- reductions ------------------------------------------------------------------------------------
   opts of all of them: the axes as a mask, whether they stay with size 1, a divisor or an exponent */
typedef struct { unsigned mask; int keepdim; double p; } dli_reduce_args;

static int dli_reduced_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    dli_reduce_args *o = (dli_reduce_args *)y->opts;
    int64_t shape[DL_MAX_DIMS];
    int n = 0, d, ok;
    if (!dli_check(c, y->op->name, "x", x, DL_REAL)) return 0;
    o->mask = dli_axes(c, y->op->name, x, o->mask, &ok);
    for (d = 0; d < x->ndim; d++)
        if (!(o->mask >> d & 1)) shape[n++] = x->shape[d];
        else if (o->keepdim) shape[n++] = 1;
    return ok && dl_set_shape(c, y, n, shape);
}

/* y with its reduced axes put back as size 1, so that it broadcasts against x. */
static dl_tensor dli_keepdim_view(const dl_tensor *y)
{
    dl_tensor v = *y;
    const dl_tensor *x = y->src[0];
    int d;
    v.ndim = x->ndim;
    for (d = 0; d < x->ndim; d++) v.shape[d] = ((const dli_reduce_args *)y->opts)->mask >> d & 1 ? 1 : x->shape[d];
    return v;
}

static dl_tensor *dli_apply_reduce(dl_ctx *c, const dl_op *op, dl_tensor *x, unsigned dims, int keepdim, double p)
{
    dli_reduce_args o;
    o.mask = dims; o.keepdim = keepdim; o.p = p;
    return dl_apply(c, op, 1, &x, &o, sizeof o);
}

static void dli_reduce_op(dl_ctx *c, dl_tensor *y, dl_real (*row)(const dl_real *, int64_t), dli_map *join)
{
    dli_reducer r;
    r.row = row; r.join = join;
    dli_reduce(c, r, y->src[0], y->src[0]->data, ((dli_reduce_args *)y->opts)->mask, y->data);
}

/* sum, mean:  y = sum x / p          dx = g / p, stretched */
static void dli_sum_forward(dl_ctx *c, dl_tensor *y)
{
    dl_real p = (dl_real)((dli_reduce_args *)y->opts)->p;
    int64_t i;
    dli_reduce_op(c, y, c->k->sum, c->k->f_add);
    for (i = 0; i < y->size && p != 1; i++) y->data[i] /= p;
}
static void dli_sum_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], v = dli_keepdim_view(y), *in = &v;
    dl_real s[2];
    const dl_real *data = y->grad;
    int add;
    dl_real *dx = dl_grad_of(c, x, &add);
    s[0] = (dl_real)((dli_reduce_args *)y->opts)->p; s[1] = 0;
    if (dx) dli_run_map(c, x, c->k->f_div_scalar, s, dx, add, 1, &in, &data);
}
static const dl_op dli_sum_op  = { "sum",  dli_reduced_shape, dli_sum_forward, dli_sum_backward };
static const dl_op dli_mean_op = { "mean", dli_reduced_shape, dli_sum_forward, dli_sum_backward };

/* Number of elements that a reduction of x over dims joins; 1 if the axes are wrong, which the op then reports. */
static double dli_reduce_count(const dl_tensor *x, unsigned dims)
{
    double n = 1;
    int d;
    if (dl_is_nil(x)) return 1;
    for (d = 0; d < x->ndim; d++)
        if (!dims || dims & DL_DIM(d) || dims & DL_DIM(d - x->ndim)) n *= (double)x->shape[d];
    return n;
}
DL_DEF dl_tensor *dl_sum_with(dl_ctx *c, dl_tensor *x, dl_sum_opts o)   { return dli_apply_reduce(c, &dli_sum_op, x, o.dims, o.keepdim, 1); }
DL_DEF dl_tensor *dl_mean_with(dl_ctx *c, dl_tensor *x, dl_mean_opts o) { return dli_apply_reduce(c, &dli_mean_op, x, o.dims, o.keepdim, dli_reduce_count(x, o.dims)); }

/* var = sum (x - mean x)^2 / (n - 1), std = sqrt(var): compositions */
static dl_tensor *dli_var(dl_ctx *c, const char *who, dl_tensor *x, dl_var_opts o)
{
    double n = dli_reduce_count(x, o.dims);
    dl_tensor *mean;
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    mean = dli_apply_reduce(c, &dli_mean_op, x, o.dims, 1, n);
    if (n == 1 && !o.biased) return dl_fail(c, "%s: %t leaves no degree of freedom; use .biased", who, x);
    return dli_apply_reduce(c, &dli_mean_op, dl_square(c, dl_sub(c, x, mean)), o.dims, o.keepdim, o.biased ? n : n - 1);
}
DL_DEF dl_tensor *dl_var_with(dl_ctx *c, dl_tensor *x, dl_var_opts o) { return dli_var(c, "var", x, o); }

/* the root of a variance: as sqrt, but with gradient 0 at 0, where all values are equal */
static void dli_std_forward(dl_ctx *c, dl_tensor *y) { dli_map_forward(c, y, c->k->f_sqrt); }
static void dli_std_backward(dl_ctx *c, dl_tensor *y)
{
    int64_t i;
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    for (i = 0; dx && i < y->size; i++)
        dx[i] = (add ? dx[i] : 0) + (y->data[i] == 0 ? 0 : y->grad[i] * DLI_C(0.5) / y->data[i]);
}
static const dl_op dli_std_op = { "std", dli_broadcast_shape, dli_std_forward, dli_std_backward };
DL_DEF dl_tensor *dl_std_with(dl_ctx *c, dl_tensor *x, dl_std_opts o)
{
    dl_tensor *v = dli_var(c, "std", x, o);
    return dl_apply(c, &dli_std_op, 1, &v, NULL, 0);
}

/* max, min:  dx = g / (number of ties) where x = y */
static void dli_max_forward(dl_ctx *c, dl_tensor *y) { dli_reduce_op(c, y, c->k->max, c->k->f_maximum); }
static void dli_min_forward(dl_ctx *c, dl_tensor *y) { dli_reduce_op(c, y, c->k->min, c->k->f_minimum); }
static void dli_max_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], v = dli_keepdim_view(y), *in[2];
    const dl_real *data[2];
    int add;
    dl_real *dx = dl_grad_of(c, x, &add), *tie, *share;
    dli_mark m = dli_arena_mark(&c->step);
    int64_t i;
    if (!dx) return;
    tie = (dl_real *)dl_alloc(c, (size_t)x->size * sizeof *tie);
    share = (dl_real *)dl_alloc(c, (size_t)y->size * sizeof *share);
    if (tie && share) {
        dli_reducer r;
        in[0] = x; in[1] = &v; data[0] = x->data; data[1] = y->data;
        dli_run_map(c, x, c->k->f_eq, NULL, tie, 0, 2, in, data);
        r.row = c->k->sum; r.join = c->k->f_add;
        dli_reduce(c, r, x, tie, ((dli_reduce_args *)y->opts)->mask, share);
        for (i = 0; i < y->size; i++) share[i] = y->grad[i] / share[i];
        data[0] = tie; data[1] = share;
        dli_run_map(c, x, c->k->f_mul, NULL, dx, add, 2, in, data);
    }
    dli_arena_release(&c->step, m);
}
static const dl_op dli_max_op = { "max", dli_reduced_shape, dli_max_forward, dli_max_backward };
static const dl_op dli_min_op = { "min", dli_reduced_shape, dli_min_forward, dli_max_backward };
DL_DEF dl_tensor *dl_max_with(dl_ctx *c, dl_tensor *x, dl_max_opts o) { return dli_apply_reduce(c, &dli_max_op, x, o.dims, o.keepdim, 1); }
DL_DEF dl_tensor *dl_min_with(dl_ctx *c, dl_tensor *x, dl_min_opts o) { return dli_apply_reduce(c, &dli_min_op, x, o.dims, o.keepdim, 1); }

/* The elements that make one output, gathered in order: for reductions that are no single pass. */
typedef struct { dli_groups g; dl_real *row; } dli_gathered;

static int dli_gather_begin(dl_ctx *c, const dl_tensor *y, dli_gathered *a)
{
    a->g = dli_make_groups(y->src[0], ((dli_reduce_args *)y->opts)->mask);
    a->row = (dl_real *)dl_alloc(c, 2 * (size_t)a->g.count * sizeof *a->row);
    return a->row != NULL;
}
static int64_t dli_gather_offset(const dli_gathered *a, int64_t out, int64_t i)
{
    return dli_group_offset(&a->g, 0, a->g.ngroups, out) + dli_group_offset(&a->g, 1, a->g.ngroups, i);
}
static const dl_real *dli_gather_row(const dli_gathered *a, const dl_real *x, int64_t out)
{
    int64_t i;
    if (a->g.ngroups == 1 || (a->g.ngroups == 2 && a->g.reduced[1])) return x + dli_group_offset(&a->g, 0, a->g.ngroups, out);
    for (i = 0; i < a->g.count; i++) a->row[i] = x[dli_gather_offset(a, out, i)];
    return a->row;
}
static void dli_scatter_row(const dli_gathered *a, dl_real *dx, const dl_real *row, int64_t out, int add)
{
    int64_t i;
    for (i = 0; i < a->g.count; i++) {
        dl_real *p = dx + dli_gather_offset(a, out, i);
        *p = (add ? *p : 0) + row[i];
    }
}

/* prod:  dx_i = g prod_{j != i} x_j, by products from both ends, so that zeros do no harm */
static void dli_prod_forward(dl_ctx *c, dl_tensor *y) { dli_reduce_op(c, y, c->k->prod, c->k->f_mul); }
static void dli_prod_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add), *d;
    dli_mark m = dli_arena_mark(&c->step);
    dli_gathered a;
    int64_t o, i;
    if (dx && dli_gather_begin(c, y, &a)) {
        d = a.row + a.g.count;
        for (o = 0; o < y->size; o++) {
            const dl_real *x = dli_gather_row(&a, y->src[0]->data, o);
            dl_real left = y->grad[o], right = 1;
            for (i = 0; i < a.g.count; i++) { d[i] = left; left *= x[i]; }
            for (i = a.g.count - 1; i >= 0; i--) { d[i] *= right; right *= x[i]; }
            dli_scatter_row(&a, dx, d, o, add);
        }
    }
    dli_arena_release(&c->step, m);
}
static const dl_op dli_prod_op = { "prod", dli_reduced_shape, dli_prod_forward, dli_prod_backward };
DL_DEF dl_tensor *dl_prod_with(dl_ctx *c, dl_tensor *x, dl_prod_opts o) { return dli_apply_reduce(c, &dli_prod_op, x, o.dims, o.keepdim, 1); }

/* logsumexp:  y = m + log sum exp(x - m), m = max x       dx = g exp(x - y);   y = m if m is infinite */
static void dli_logsumexp_forward(dl_ctx *c, dl_tensor *y)
{
    dli_mark m = dli_arena_mark(&c->step);
    dli_gathered a;
    int64_t o;
    if (dli_gather_begin(c, y, &a))
        for (o = 0; o < y->size; o++) {
            const dl_real *x = dli_gather_row(&a, y->src[0]->data, o);
            dl_real top = c->k->max(x, a.g.count);
            y->data[o] = top - top == 0 ? top + c->k->log_sum_exp(x, top, a.g.count) : top;
        }
    dli_arena_release(&c->step, m);
}
static void dli_logsumexp_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add), *d;
    dli_mark m = dli_arena_mark(&c->step);
    dli_gathered a;
    int64_t o, i;
    if (dx && dli_gather_begin(c, y, &a)) {
        d = a.row + a.g.count;
        for (o = 0; o < y->size; o++) {
            const dl_real *x = dli_gather_row(&a, y->src[0]->data, o);
            if (y->data[o] - y->data[o] == 0) c->k->exp_row(d, y->grad[o], x, y->data[o], a.g.count, 0);
            else for (i = 0; i < a.g.count; i++) d[i] = y->grad[o] * (y->data[o] - y->data[o]);   /* NaN, as the limit is */
            dli_scatter_row(&a, dx, d, o, add);
        }
    }
    dli_arena_release(&c->step, m);
}
static const dl_op dli_logsumexp_op = { "logsumexp", dli_reduced_shape, dli_logsumexp_forward, dli_logsumexp_backward };
DL_DEF dl_tensor *dl_logsumexp_with(dl_ctx *c, dl_tensor *x, dl_logsumexp_opts o) { return dli_apply_reduce(c, &dli_logsumexp_op, x, o.dims, o.keepdim, 1); }

/* norm:  y = (sum abs(x)^p)^(1/p);  p infinite: y = max abs(x)
   dx = g x abs(x)^(p-2) / y^(p-1);  0 where y = 0;  p infinite: g sign(x) / ties where abs(x) = y.
   Scaled by t = max abs(x) first, so that neither 1e25 nor 1e-25 leaves the range. */
#define DLI_ABS(v) ((v) < 0 ? -(v) : (v))
static dl_real dli_norm_row(const dl_ctx *c, const dl_real *x, int64_t n, double p)
{
    dl_real top = c->k->max(x, n), low = c->k->min(x, n), s = 0, t;
    int64_t i;
    if (-low > top) top = -low;
    if (!(top - top == 0) || top == 0 || p > 1e300) return top;
    if (p == 2) return top * dli_sqrt_portable(c->k->sum_squares(x, 0, 1 / top, n));
    for (i = 0; i < n; i++) {
        t = DLI_ABS(x[i]) / top;
        s += p == 1 ? t : dli_pow_portable(t, (dl_real)p);
    }
    return top * (p == 1 ? s : dli_pow_portable(s, (dl_real)(1 / p)));
}
static void dli_norm_forward(dl_ctx *c, dl_tensor *y)
{
    dli_mark m = dli_arena_mark(&c->step);
    dli_gathered a;
    int64_t o;
    if (dli_gather_begin(c, y, &a))
        for (o = 0; o < y->size; o++)
            y->data[o] = dli_norm_row(c, dli_gather_row(&a, y->src[0]->data, o), a.g.count, ((dli_reduce_args *)y->opts)->p);
    dli_arena_release(&c->step, m);
}
static void dli_norm_backward(dl_ctx *c, dl_tensor *y)
{
    double p = ((dli_reduce_args *)y->opts)->p;
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add), *d;
    dli_mark m = dli_arena_mark(&c->step);
    dli_gathered a;
    int64_t o, i;
    if (dx && dli_gather_begin(c, y, &a)) {
        d = a.row + a.g.count;
        for (o = 0; o < y->size; o++) {
            const dl_real *x = dli_gather_row(&a, y->src[0]->data, o);
            dl_real norm = y->data[o], g = y->grad[o];
            int64_t ties = 0;
            for (i = 0; p > 1e300 && i < a.g.count; i++) ties += DLI_ABS(x[i]) == norm;
            for (i = 0; i < a.g.count; i++) {
                dl_real t = norm == 0 ? 0 : DLI_ABS(x[i]) / norm;
                if (t == 0)         t = 0;
                else if (p > 1e300) t = t == 1 ? 1 / (dl_real)ties : 0;
                else if (p == 1)    t = 1;
                else if (p != 2)    t = dli_pow_portable(t, (dl_real)(p - 1));
                d[i] = x[i] < 0 ? -g * t : g * t;
            }
            dli_scatter_row(&a, dx, d, o, add);
        }
    }
    dli_arena_release(&c->step, m);
}
static const dl_op dli_norm_op = { "norm", dli_reduced_shape, dli_norm_forward, dli_norm_backward };
DL_DEF dl_tensor *dl_norm_with(dl_ctx *c, dl_tensor *x, dl_norm_opts o)
{
    if (o.p < 0 || o.p != o.p) return dl_fail(c, "norm: p is %g, expected a positive number", o.p);
    return dli_apply_reduce(c, &dli_norm_op, x, o.dims, o.keepdim, o.p > 0 ? o.p : 2);
}

/* argmax, argmin: int32, over one axis or all */
static dl_tensor *dli_arg(dl_ctx *c, const char *who, int64_t (*row)(const dl_real *, int64_t), dl_tensor *x, unsigned dims, int keepdim)
{
    dl_tensor y, *t, *src = x;
    dli_reduce_args o;
    dl_op op;
    dli_gathered a;
    dli_mark m;
    int64_t i;
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    memset(&op, 0, sizeof op);
    op.name = who;
    memset(&y, 0, sizeof y);
    o.mask = dims; o.keepdim = keepdim; o.p = 1;
    y.op = &op; y.src = &src; y.nsrc = 1; y.opts = &o;
    if (!dli_reduced_shape(c, &y)) return DLI_NIL;
    if (dims && (o.mask & (o.mask - 1))) return dl_fail(c, "%s: several axes of %t; give one, or none for all", who, x);
    t = dli_leaf(c, who, DL_INT32, y.ndim, y.shape, 0);
    m = dli_arena_mark(&c->step);
    if (t->size && dli_gather_begin(c, &y, &a))
        for (i = 0; i < t->size; i++) t->idata[i] = (int32_t)row(dli_gather_row(&a, x->data, i), a.g.count);
    dli_arena_release(&c->step, m);
    return c->failed ? DLI_NIL : t;
}
DL_DEF dl_tensor *dl_argmax_with(dl_ctx *c, dl_tensor *x, dl_argmax_opts o) { return c ? dli_arg(c, "argmax", c->k->argmax, x, o.dims, o.keepdim) : DLI_NIL; }
DL_DEF dl_tensor *dl_argmin_with(dl_ctx *c, dl_tensor *x, dl_argmin_opts o) { return c ? dli_arg(c, "argmin", c->k->argmin, x, o.dims, o.keepdim) : DLI_NIL; }

/* --- one axis: a tensor as lines of n elements, `stride` apart ------------------------------------- */
typedef struct { int64_t n, stride, count; } dli_lines;
static dli_lines dli_make_lines(const dl_tensor *x, int dim)
{
    dli_lines l;
    int d;
    l.n = x->ndim ? x->shape[dim] : 1;
    l.stride = 1;
    for (d = dim + 1; d < x->ndim; d++) l.stride *= x->shape[d];
    l.count = x->size / l.n;
    return l;
}
static int64_t dli_line(const dli_lines *l, int64_t i) { return i / l->stride * l->n * l->stride + i % l->stride; }
static void dli_line_get(const dli_lines *l, dl_real *row, const dl_real *x)
{ int64_t i; for (i = 0; i < l->n; i++) row[i] = x[i * l->stride]; }
static void dli_line_put(const dli_lines *l, dl_real *x, const dl_real *row, int add)
{ int64_t i; for (i = 0; i < l->n; i++) x[i * l->stride] = (add ? x[i * l->stride] : 0) + row[i]; }

/* opts of ops along one axis */
typedef struct { int dim, flag; } dli_dim_args;

static int dli_dim_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    dli_dim_args *o = (dli_dim_args *)y->opts;
    if (!dli_check(c, y->op->name, "x", x, DL_REAL)) return 0;
    o->dim = dli_axis(c, y->op->name, x, o->dim, x->ndim ? x->ndim : 1);
    return o->dim >= 0 && dl_set_shape(c, y, x->ndim, x->shape);
}
static dl_tensor *dli_apply_dim(dl_ctx *c, const dl_op *op, dl_tensor *x, int dim, int flag)
{
    dli_dim_args o;
    o.dim = dim; o.flag = flag;
    return dl_apply(c, op, 1, &x, &o, sizeof o);
}

/* Rows in, rows out: softmax, log_softmax, cumsum and their gradients run one of these on every line.  in[1] may be NULL. */
typedef void dli_line_fn(const dl_ctx *c, dl_real *out, const dl_real *a, const dl_real *b, int64_t n, int add);
typedef struct { const dl_ctx *c; dli_line_fn *f; dli_lines l; dl_real *out; const dl_real *a, *b; int add; dl_real *scratch; int64_t per_task; } dli_line_job;

static void dli_line_task(void *arg, int64_t task, int worker)
{
    const dli_line_job *j = (const dli_line_job *)arg;
    int64_t i, hi = dli_min64((task + 1) * j->per_task, j->l.count), n = j->l.n;
    dl_real *row = j->scratch + worker * 3 * n;
    for (i = task * j->per_task; i < hi; i++) {
        int64_t at = dli_line(&j->l, i);
        if (j->l.stride == 1) { j->f(j->c, j->out + at, j->a + at, j->b ? j->b + at : NULL, n, j->add); continue; }
        dli_line_get(&j->l, row, j->a + at);
        if (j->b) dli_line_get(&j->l, row + n, j->b + at);
        j->f(j->c, row + 2 * n, row, row + n, n, 0);
        dli_line_put(&j->l, j->out + at, row + 2 * n, j->add);
    }
}

static void dli_run_lines(dl_ctx *c, dli_line_fn *f, const dl_tensor *y, dl_real *out, int add, const dl_real *a, const dl_real *b)
{
    dli_line_job j;
    dli_mark m = dli_arena_mark(&c->step);
    j.c = c; j.f = f; j.out = out; j.a = a; j.b = b; j.add = add;
    j.l = dli_make_lines(y, ((const dli_dim_args *)y->opts)->dim);
    j.scratch = j.l.stride == 1 ? out : (dl_real *)dl_alloc(c, (size_t)c->threads * 3 * (size_t)j.l.n * sizeof *out);
    j.per_task = y->size >= DLI_PAR_WORK / 4 ? (j.l.count + c->threads - 1) / c->threads : j.l.count;
    if (j.scratch) dli_parallel(c, (j.l.count + j.per_task - 1) / j.per_task, dli_line_task, &j);
    dli_arena_release(&c->step, m);
}

/* softmax:  y = exp(x - max x) / sum exp(x - max x)              dx = y (g - sum g y) */
static void dli_softmax_line(const dl_ctx *c, dl_real *y, const dl_real *x, const dl_real *unused, int64_t n, int add)
{ (void)unused; (void)add; c->k->softmax(y, x, n); }
static void dli_softmax_line_back(const dl_ctx *c, dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add)
{ c->k->softmax_back(dx, y, g, n, add); }
static void dli_softmax_forward(dl_ctx *c, dl_tensor *y) { dli_run_lines(c, dli_softmax_line, y, y->data, 0, y->src[0]->data, NULL); }
static void dli_softmax_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_run_lines(c, dli_softmax_line_back, y, dx, add, y->data, y->grad);
}
static const dl_op dli_softmax_op = { "softmax", dli_dim_shape, dli_softmax_forward, dli_softmax_backward };
DL_DEF dl_tensor *dl_softmax(dl_ctx *c, dl_tensor *x, int dim) { return dli_apply_dim(c, &dli_softmax_op, x, dim, 0); }

/* log_softmax:  y = x - max x - log sum exp(x - max x)           dx = g - exp(y) sum g */
static void dli_log_softmax_line(const dl_ctx *c, dl_real *y, const dl_real *x, const dl_real *unused, int64_t n, int add)
{ (void)unused; (void)add; c->k->log_softmax(y, x, n); }
static void dli_log_softmax_line_back(const dl_ctx *c, dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add)
{ c->k->log_softmax_back(dx, y, g, n, add); }
static void dli_log_softmax_forward(dl_ctx *c, dl_tensor *y) { dli_run_lines(c, dli_log_softmax_line, y, y->data, 0, y->src[0]->data, NULL); }
static void dli_log_softmax_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_run_lines(c, dli_log_softmax_line_back, y, dx, add, y->data, y->grad);
}
static const dl_op dli_log_softmax_op = { "log_softmax", dli_dim_shape, dli_log_softmax_forward, dli_log_softmax_backward };
DL_DEF dl_tensor *dl_log_softmax(dl_ctx *c, dl_tensor *x, int dim) { return dli_apply_dim(c, &dli_log_softmax_op, x, dim, 0); }

/* cumsum:  y_i = x_0 + .. + x_i                                   dx_i = g_i + .. + g_{n-1} */
static void dli_cumsum_line(const dl_ctx *c, dl_real *y, const dl_real *x, const dl_real *unused, int64_t n, int add)
{
    dl_real s = 0;
    int64_t i;
    (void)c; (void)unused; (void)add;
    for (i = 0; i < n; i++) y[i] = s += x[i];
}
static void dli_cumsum_line_back(const dl_ctx *c, dl_real *dx, const dl_real *g, const dl_real *unused, int64_t n, int add)
{
    dl_real s = 0;
    int64_t i;
    (void)c; (void)unused;
    for (i = n - 1; i >= 0; i--) { s += g[i]; dx[i] = (add ? dx[i] : 0) + s; }
}
static void dli_cumsum_forward(dl_ctx *c, dl_tensor *y) { dli_run_lines(c, dli_cumsum_line, y, y->data, 0, y->src[0]->data, NULL); }
static void dli_cumsum_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_run_lines(c, dli_cumsum_line_back, y, dx, add, y->grad, NULL);
}
static const dl_op dli_cumsum_op = { "cumsum", dli_dim_shape, dli_cumsum_forward, dli_cumsum_backward };
DL_DEF dl_tensor *dl_cumsum(dl_ctx *c, dl_tensor *x, int dim) { return dli_apply_dim(c, &dli_cumsum_op, x, dim, 0); }

/* --- views: reshape, flatten, squeeze, unsqueeze share x's data;  dx = g --------------------------- */
typedef struct { dl_shape shape; int ndim; } dli_view_args;

static int dli_view_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_view_args *o = (const dli_view_args *)y->opts;
    dl_tensor *x = y->src[0];
    if (!dl_set_shape(c, y, o->ndim, o->shape.d)) return 0;
    y->dtype = x->dtype;
    y->data = x->data;
    y->idata = x->idata;
    return 1;
}
static void dli_view_forward(dl_ctx *c, dl_tensor *y)  { (void)c; (void)y; }
static void dli_view_backward(dl_ctx *c, dl_tensor *y) { dli_grad_pass(c, y, y->src[0]); }
static const dl_op dli_view_op = { "reshape", dli_view_shape, dli_view_forward, dli_view_backward };

DL_DEF dl_tensor *dl_reshape(dl_ctx *c, dl_tensor *x, dl_shape shape)
{
    dli_view_args o;
    int64_t n = 1;
    int d, inferred = -1;
    if (!dli_check_any(c, "reshape", x)) return DLI_NIL;
    o.shape = shape;
    o.ndim = dli_shape_rank(shape.d);
    for (d = 0; d < o.ndim; d++) {
        if (shape.d[d] == -1 && inferred < 0) { inferred = d; continue; }
        if (shape.d[d] < 0) return dl_fail(c, "reshape: %t to a shape whose axis %d is %l", x, d, shape.d[d]);
        if (shape.d[d] > x->size / n) { n = 0; break; }
        n *= shape.d[d];
    }
    if (n && inferred >= 0) { o.shape.d[inferred] = x->size / n; n *= o.shape.d[inferred]; }
    if (n != x->size) return dl_fail(c, "reshape: %t has %l elements, which do not fill the new shape", x, x->size);
    return dl_apply(c, &dli_view_op, 1, &x, &o, sizeof o);
}
DL_DEF dl_tensor *dl_view(dl_ctx *c, dl_tensor *x, dl_shape shape) { return dl_reshape(c, x, shape); }

DL_DEF dl_tensor *dl_flatten(dl_ctx *c, dl_tensor *x, int start_dim, int end_dim)
{
    dli_view_args o;
    int d, start, end;
    if (!dli_check_any(c, "flatten", x)) return DLI_NIL;
    memset(&o, 0, sizeof o);
    start = dli_axis(c, "flatten", x, start_dim, x->ndim ? x->ndim : 1);
    end = dli_axis(c, "flatten", x, end_dim, x->ndim ? x->ndim : 1);
    if (start < 0 || end < 0) return DLI_NIL;
    if (start > end) return dl_fail(c, "flatten: %t from axis %d to %d", x, start, end);
    for (d = 0; d < x->ndim || d == 0; d++)
        if (d > start && d <= end) o.shape.d[o.ndim - 1] *= x->shape[d];
        else o.shape.d[o.ndim++] = x->shape[d];
    return dl_apply(c, &dli_view_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_squeeze(dl_ctx *c, dl_tensor *x, unsigned dims)
{
    dli_view_args o;
    unsigned mask;
    int d, ok;
    if (!dli_check_any(c, "squeeze", x)) return DLI_NIL;
    memset(&o, 0, sizeof o);
    mask = dli_axes(c, "squeeze", x, dims, &ok);
    if (!ok) return DLI_NIL;
    for (d = 0; d < x->ndim; d++)
        if (!(mask >> d & 1) || x->shape[d] != 1) o.shape.d[o.ndim++] = x->shape[d];
    return dl_apply(c, &dli_view_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_unsqueeze(dl_ctx *c, dl_tensor *x, int dim)
{
    dli_view_args o;
    int d, at;
    if (!dli_check_any(c, "unsqueeze", x)) return DLI_NIL;
    if (x->ndim == DL_MAX_DIMS) return dl_fail(c, "unsqueeze: %t has no room for another axis", x);
    memset(&o, 0, sizeof o);
    at = dli_axis(c, "unsqueeze", x, dim, x->ndim + 1);
    if (at < 0) return DLI_NIL;
    for (d = 0; d < x->ndim; d++) {
        if (d == at) o.shape.d[o.ndim++] = 1;
        o.shape.d[o.ndim++] = x->shape[d];
    }
    if (at == x->ndim) o.shape.d[o.ndim++] = 1;
    return dl_apply(c, &dli_view_op, 1, &x, &o, sizeof o);
}

/* --- moves: permute, slice, cat, stack, expand, repeat, pad --------------------------------------------
   Each source is copied to its place by one walk;  dx = g walked the other way.  A constructor computes walks. */
typedef struct { dli_walk walk; int64_t to, from; } dli_move;     /* first elements in y and x */
typedef struct {
    int       ndim;
    int64_t   shape[DL_MAX_DIMS];
    int       fill;                                                /* 1: y is set to value first */
    dl_real   value;
    dli_move piece[1];                                            /* as many as sources         */
} dli_move_args;

/* Adds an axis behind the others, or joins it to the last where both sides run on. */
static void dli_walk_axis(dli_walk *w, int64_t n, int64_t to, int64_t from)
{
    int last = w->ndim - 1;
    if (n == 1) return;
    if (last >= 0 && w->to[last] == to * n && w->from[last] == from * n) {
        w->size[last] *= n;
        w->to[last] = to;
        w->from[last] = from;
        return;
    }
    w->size[w->ndim] = n;
    w->to[w->ndim] = to;
    w->from[w->ndim++] = from;
}

static int dli_move_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_move_args *o = (const dli_move_args *)y->opts;
    y->dtype = y->src[0]->dtype;
    return dl_set_shape(c, y, o->ndim, o->shape);
}
static void dli_move_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_move_args *o = (const dli_move_args *)y->opts;
    size_t elem = dli_elem(y);
    char *to = y->dtype == DL_INT32 ? (char *)y->idata : (char *)y->data;
    int64_t i;
    int k;
    for (i = 0; o->fill && i < y->size; i++)
        if (y->idata) y->idata[i] = (int32_t)o->value; else y->data[i] = o->value;
    for (k = 0; k < y->nsrc; k++) {
        const dli_move *p = &o->piece[k];
        dli_copy(c, &p->walk, to + p->to * (int64_t)elem, (const char *)dli_bytes_of(y->src[k]) + p->from * (int64_t)elem, elem, 0);
    }
}
static void dli_move_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_move_args *o = (const dli_move_args *)y->opts;
    int k, d, add;
    for (k = 0; k < y->nsrc; k++) {
        dli_walk back = o->piece[k].walk;
        dl_tensor *x = y->src[k];
        dl_real *dx = dl_grad_of(c, x, &add);
        int64_t moved = 1;
        if (!dx) continue;
        for (d = 0; d < back.ndim; d++) {
            int64_t t = back.to[d];
            back.to[d] = back.from[d];
            back.from[d] = t;
            moved *= back.size[d];
        }
        if (!add && moved != x->size) {                            /* some of x is left out, or was copied twice */
            memset(dx, 0, (size_t)x->size * sizeof *dx);
            add = 1;
        }
        dli_copy(c, &back, dx + o->piece[k].from, y->grad + o->piece[k].to, sizeof *dx, add);
    }
}
#define DLI_MOVE_OP(name) static const dl_op dli_##name##_op = { #name, dli_move_shape, dli_move_forward, dli_move_backward };
DLI_MOVE_OP(permute) DLI_MOVE_OP(slice) DLI_MOVE_OP(cat) DLI_MOVE_OP(stack) DLI_MOVE_OP(expand) DLI_MOVE_OP(repeat) DLI_MOVE_OP(pad)
#undef DLI_MOVE_OP

/* y like x but for what the constructor changes. */
static dli_move_args dli_move_begin(const dl_tensor *x)
{
    dli_move_args o;
    memset(&o, 0, sizeof o);
    o.ndim = x->ndim;
    memcpy(o.shape, x->shape, sizeof o.shape);
    return o;
}

DL_DEF dl_tensor *dl_permute(dl_ctx *c, dl_tensor *x, dl_order order)
{
    dli_move_args o;
    int64_t xs[DL_MAX_DIMS], ys[DL_MAX_DIMS];
    unsigned seen = 0;
    int d, from[DL_MAX_DIMS];
    if (!dli_check_any(c, "permute", x)) return DLI_NIL;
    o = dli_move_begin(x);
    for (d = 0; d < x->ndim; d++) {
        from[d] = dli_axis(c, "permute", x, order.d[d], x->ndim);
        if (from[d] < 0) return DLI_NIL;
        if (seen >> from[d] & 1) return dl_fail(c, "permute: axis %d of %t is named twice", from[d], x);
        seen |= 1u << from[d];
        o.shape[d] = x->shape[from[d]];
    }
    dli_strides(x->ndim, x->shape, xs);
    dli_strides(x->ndim, o.shape, ys);
    for (d = 0; d < x->ndim; d++) dli_walk_axis(&o.piece[0].walk, o.shape[d], ys[d], xs[from[d]]);
    return dl_apply(c, &dli_permute_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_transpose(dl_ctx *c, dl_tensor *x, int dim0, int dim1)
{
    dl_order order;
    int d, a, b;
    if (!dli_check_any(c, "transpose", x)) return DLI_NIL;
    a = dli_axis(c, "transpose", x, dim0, x->ndim);
    b = a < 0 ? -1 : dli_axis(c, "transpose", x, dim1, x->ndim);
    if (b < 0) return DLI_NIL;
    for (d = 0; d < DL_MAX_DIMS; d++) order.d[d] = d == a ? b : d == b ? a : d;
    return dl_permute(c, x, order);
}

DL_DEF dl_tensor *dl_slice_with(dl_ctx *c, dl_tensor *x, int dim, int64_t start, int64_t end, dl_slice_opts opts)
{
    dli_move_args o;
    int64_t xs[DL_MAX_DIMS], ys[DL_MAX_DIMS], n, step = opts.step ? opts.step : 1;
    int d, axis;
    if (!dli_check_any(c, "slice", x)) return DLI_NIL;
    axis = dli_axis(c, "slice", x, dim, x->ndim);
    if (axis < 0) return DLI_NIL;
    if (step < 0) return dl_fail(c, "slice: step %l, expected a positive number", step);
    n = x->shape[axis];
    start = start < 0 ? dli_max64(start + n, 0) : start;
    end = end < 0 ? end + n : dli_min64(end, n);
    if (start >= end) return dl_fail(c, "slice: %l to %l of axis %d of %t is empty", start, end, axis, x);
    o = dli_move_begin(x);
    o.shape[axis] = (end - start - 1) / step + 1;
    dli_strides(x->ndim, x->shape, xs);
    dli_strides(x->ndim, o.shape, ys);
    o.piece[0].from = start * xs[axis];
    for (d = 0; d < x->ndim; d++) dli_walk_axis(&o.piece[0].walk, o.shape[d], ys[d], xs[d] * (d == axis ? step : 1));
    return dl_apply(c, &dli_slice_op, 1, &x, &o, sizeof o);
}

/* cat, or stack if a new axis is made at dim */
static dl_tensor *dli_join_tensors(dl_ctx *c, const dl_op *op, int n, dl_tensor *const *xs, int dim, int stack)
{
    dli_move_args *o;
    dl_tensor *x;
    int64_t ys[DL_MAX_DIMS], from[DL_MAX_DIMS], at = 0;
    size_t size;
    int k, d, axis;
    if (!c || c->failed) return DLI_NIL;
    if (n < 1 || !xs) return dl_fail(c, "%s: %d tensors", op->name, n);
    for (k = 0; k < n; k++) if (!dli_check(c, op->name, "an input", xs[k], dl_is_nil(xs[0]) ? DL_REAL : xs[0]->dtype)) return DLI_NIL;
    x = xs[0];
    if (stack && x->ndim == DL_MAX_DIMS) return dl_fail(c, "stack: %t has no room for another axis", x);
    axis = dli_axis(c, op->name, x, dim, x->ndim + stack);
    if (axis < 0) return DLI_NIL;
    size = sizeof *o + (size_t)(n - 1) * sizeof o->piece[0];
    o = (dli_move_args *)dl_alloc(c, size);
    if (!o) return DLI_NIL;
    memset(o, 0, size);
    o->ndim = x->ndim + stack;
    for (d = 0; d < o->ndim; d++) o->shape[d] = d == axis ? 0 : x->shape[d - (stack && d > axis)];
    for (k = 0; k < n; k++) {
        for (d = 0; d < x->ndim || xs[k]->ndim != x->ndim; d++)
            if (xs[k]->ndim != x->ndim || ((stack || d != axis) && xs[k]->shape[d] != x->shape[d]))
                return dl_fail(c, "%s: %t does not fit %t along axis %d", op->name, xs[k], x, axis);
        o->shape[axis] += stack ? 1 : xs[k]->shape[axis];
    }
    dli_strides(o->ndim, o->shape, ys);
    for (k = 0; k < n; k++) {
        dli_strides(x->ndim, xs[k]->shape, from);
        for (d = 0; d < x->ndim; d++) dli_walk_axis(&o->piece[k].walk, xs[k]->shape[d], ys[d + (stack && d >= axis)], from[d]);
        o->piece[k].to = at * ys[axis];
        at += stack ? 1 : xs[k]->shape[axis];
    }
    return dl_apply(c, op, n, xs, o, size);
}
DL_DEF dl_tensor *dl_cat(dl_ctx *c, int n, dl_tensor *const *xs, int dim)   { return dli_join_tensors(c, &dli_cat_op, n, xs, dim, 0); }
DL_DEF dl_tensor *dl_stack(dl_ctx *c, int n, dl_tensor *const *xs, int dim) { return dli_join_tensors(c, &dli_stack_op, n, xs, dim, 1); }

DL_DEF int dl_split(dl_ctx *c, dl_tensor *x, int64_t size, int dim, dl_tensor **parts, int max)
{
    int64_t n, i;
    int axis, k = 0;
    dl_slice_opts o;
    memset(&o, 0, sizeof o);
    if (!dli_check_any(c, "split", x)) return 0;
    axis = dli_axis(c, "split", x, dim, x->ndim);
    if (axis < 0) return 0;
    n = x->shape[axis];
    if (size < 1 || !parts || (n - 1) / size + 1 > max) {
        dl_fail(c, "split: axis %d of %t in parts of %l, room for %d", axis, x, size, max);
        return 0;
    }
    for (i = 0; i < n; i += size) parts[k++] = dl_slice_with(c, x, axis, i, dli_min64(i + size, n), o);
    return c->failed ? 0 : k;
}

DL_DEF dl_tensor *dl_expand(dl_ctx *c, dl_tensor *x, dl_shape shape)
{
    dli_move_args o;
    int64_t xs[DL_MAX_DIMS], ys[DL_MAX_DIMS], count;
    int d;
    if (!dli_check_any(c, "expand", x)) return DLI_NIL;
    o = dli_move_begin(x);
    o.ndim = dli_shape_rank(shape.d);
    if (o.ndim < x->ndim) return dl_fail(c, "expand: %t to a shape of %d axes", x, o.ndim);
    dli_strides(x->ndim, x->shape, xs);
    for (d = 0; d < o.ndim; d++) {
        int own = d - (o.ndim - x->ndim);
        int64_t n = own < 0 ? 1 : x->shape[own];
        o.shape[d] = shape.d[d] == -1 && own >= 0 ? n : shape.d[d];
        if (n != 1 && n != o.shape[d]) return dl_fail(c, "expand: axis %d of %t to %l", own, x, shape.d[d]);
    }
    if (!dli_size(c, "expand", o.ndim, o.shape, sizeof(dl_real), &count)) return DLI_NIL;
    dli_strides(o.ndim, o.shape, ys);
    for (d = 0; d < o.ndim; d++) {
        int own = d - (o.ndim - x->ndim);
        dli_walk_axis(&o.piece[0].walk, o.shape[d], ys[d], own < 0 || x->shape[own] == 1 ? 0 : xs[own]);
    }
    return dl_apply(c, &dli_expand_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_repeat(dl_ctx *c, dl_tensor *x, dl_shape times)
{
    dli_move_args o;
    int64_t xs[DL_MAX_DIMS], ys[DL_MAX_DIMS], count;
    int d, axes = 0;
    if (!dli_check_any(c, "repeat", x)) return DLI_NIL;
    o = dli_move_begin(x);
    o.ndim = dli_shape_rank(times.d);
    if (o.ndim < x->ndim) return dl_fail(c, "repeat: %t needs at least %d factors, not %d", x, x->ndim, o.ndim);
    dli_strides(x->ndim, x->shape, xs);
    for (d = 0; d < o.ndim; d++) {                                 /* every axis is walked as (times, size) */
        int own = d - (o.ndim - x->ndim);
        int64_t n = own < 0 ? 1 : x->shape[own], pair[2];
        pair[0] = times.d[d]; pair[1] = n;
        axes += (n > 1) + (times.d[d] > 1);
        if (!dli_size(c, "repeat", 2, pair, sizeof(dl_real), &o.shape[d])) return DLI_NIL;
    }
    if (!dli_size(c, "repeat", o.ndim, o.shape, sizeof(dl_real), &count)) return DLI_NIL;
    if (axes > DL_MAX_DIMS) return dl_fail(c, "repeat: more than %d axes of %t and its factors are not 1", DL_MAX_DIMS, x);
    dli_strides(o.ndim, o.shape, ys);
    for (d = 0; d < o.ndim; d++) {
        int own = d - (o.ndim - x->ndim);
        int64_t n = own < 0 ? 1 : x->shape[own];
        dli_walk_axis(&o.piece[0].walk, times.d[d], ys[d] * n, 0);
        dli_walk_axis(&o.piece[0].walk, n, ys[d], own < 0 ? 0 : xs[own]);
    }
    return dl_apply(c, &dli_repeat_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_pad_with(dl_ctx *c, dl_tensor *x, dl_pads pads, dl_pad_opts opts)
{
    dli_move_args o;
    int64_t xs[DL_MAX_DIMS], ys[DL_MAX_DIMS], count;
    int d;
    if (!dli_check_any(c, "pad", x)) return DLI_NIL;
    o = dli_move_begin(x);
    o.fill = 1;
    o.value = opts.value;
    for (d = 0; d < DL_MAX_DIMS; d++) {
        int64_t before = pads.before[d], after = pads.after[d];
        if (d >= x->ndim ? before || after : before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX)
            return dl_fail(c, "pad: %l and %l at axis %d of %t", before, after, d, x);
        if (d < x->ndim) o.shape[d] += before + after;
    }
    if (!dli_size(c, "pad", o.ndim, o.shape, sizeof(dl_real), &count)) return DLI_NIL;
    dli_strides(x->ndim, x->shape, xs);
    dli_strides(x->ndim, o.shape, ys);
    for (d = 0; d < x->ndim; d++) {
        o.piece[0].to += pads.before[d] * ys[d];
        dli_walk_axis(&o.piece[0].walk, x->shape[d], ys[d], xs[d]);
    }
    return dl_apply(c, &dli_pad_op, 1, &x, &o, sizeof o);
}

/* --- indexing ----------------------------------------------------------------------------------------
   Along one axis: element (o, i, s) of x is at (o n + i) inner + s.  A destination has one owner and one order of
   additions, so results do not depend on threads. */
typedef struct { int dim; } dli_index_args;

static int dli_check_index(dl_ctx *c, const char *who, const dl_tensor *index, const dl_tensor *x, int64_t n)
{
    int64_t i;
    if (!dli_check(c, who, "index", index, DL_INT32)) return 0;
    for (i = 0; i < index->size; i++)
        if (index->idata[i] < 0 || index->idata[i] >= n) {
            dl_fail(c, "%s: index %d at position %l, expected 0 to %l, for %t", who, (int)index->idata[i], i, n - 1, x);
            return 0;
        }
    return 1;
}

/* index_select:  y[.., i, ..] = x[.., index[i], ..]             dx[.., index[i], ..] += g[.., i, ..] */
static int dli_index_select_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *index = y->src[1];
    dli_index_args *o = (dli_index_args *)y->opts;
    int64_t shape[DL_MAX_DIMS];
    o->dim = dli_axis(c, y->op->name, x, o->dim, x->ndim);
    if (o->dim < 0 || !dli_check_index(c, y->op->name, index, x, x->shape[o->dim])) return 0;
    if (index->ndim > 1) { dl_fail(c, "%s: index %t, expected one axis", y->op->name, index); return 0; }
    memcpy(shape, x->shape, sizeof shape);
    shape[o->dim] = index->size;
    y->dtype = x->dtype;
    return dl_set_shape(c, y, x->ndim, shape);
}
static void dli_index_select_forward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    int dim = ((dli_index_args *)y->opts)->dim;
    dli_lines l = dli_make_lines(x, dim);
    int64_t m = y->shape[dim], outer = x->size / (l.n * l.stride), o, i;
    size_t run = (size_t)l.stride * dli_elem(x);
    char *to = y->idata ? (char *)y->idata : (char *)y->data;
    const char *from = (const char *)dli_bytes_of(x);
    (void)c;
    for (o = 0; o < outer; o++)
        for (i = 0; i < m; i++) memcpy(to + (size_t)(o * m + i) * run, from + (size_t)(o * l.n + y->src[1]->idata[i]) * run, run);
}
static void dli_index_select_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    int dim = ((dli_index_args *)y->opts)->dim, add;
    dli_lines l = dli_make_lines(x, dim);
    int64_t m = y->shape[dim], outer = x->size / (l.n * l.stride), o, i;
    dl_real *dx = dl_grad_of(c, x, &add);
    if (!dx) return;
    if (!add) memset(dx, 0, (size_t)x->size * sizeof *dx);
    for (o = 0; o < outer; o++)
        for (i = 0; i < m; i++) c->k->add(dx + (o * l.n + y->src[1]->idata[i]) * l.stride, y->grad + (o * m + i) * l.stride, l.stride);
}
static const dl_op dli_index_select_op = { "index_select", dli_index_select_shape, dli_index_select_forward, dli_index_select_backward };
DL_DEF dl_tensor *dl_index_select(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index)
{
    dl_tensor *s[2];
    dli_index_args o;
    s[0] = x; s[1] = index; o.dim = dim;
    return dl_apply(c, &dli_index_select_op, 2, s, &o, sizeof o);
}

/* Offset in x of element i of the index tensor, which is no larger than x in the other axes. */
static int64_t dli_indexed(const dl_tensor *x, const dl_tensor *index, int dim, int64_t i)
{
    int64_t off = 0, stride = 1, rest = i;
    int d;
    for (d = x->ndim - 1; d >= 0; d--) {
        int64_t k = rest % index->shape[d];
        rest /= index->shape[d];
        off += (d == dim ? index->idata[i] : k) * stride;
        stride *= x->shape[d];
    }
    return off;
}
/* Offset in src of element i of an index tensor no larger than src. */
static int64_t dli_within(const dl_tensor *src, const dl_tensor *index, int64_t i)
{
    int64_t off = 0, stride = 1;
    int d;
    for (d = src->ndim - 1; d >= 0; d--) {
        off += i % index->shape[d] * stride;
        i /= index->shape[d];
        stride *= src->shape[d];
    }
    return off;
}
/* Whether index has x's axes and is no larger than x, but along dim (-1: in none). */
static int dli_index_fits(dl_ctx *c, const char *who, const dl_tensor *x, const dl_tensor *index, int dim)
{
    int d, ok = index->ndim == x->ndim;
    for (d = 0; d < x->ndim && ok; d++) ok = d == dim || index->shape[d] <= x->shape[d];
    if (!ok) dl_fail(c, "%s: index %t does not fit %t", who, index, x);
    return ok;
}

/* gather:  y[i][j] = x[index[i][j]][j] for dim 0                 dx[index[i][j]][j] += g[i][j] */
static int dli_gather_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *index = y->src[1];
    dli_index_args *o = (dli_index_args *)y->opts;
    o->dim = dli_axis(c, "gather", x, o->dim, x->ndim);
    if (!dli_check(c, "gather", "x", x, DL_REAL) || o->dim < 0 || !dli_check_index(c, "gather", index, x, x->shape[o->dim])) return 0;
    return dli_index_fits(c, "gather", x, index, o->dim) && dl_set_shape(c, y, index->ndim, index->shape);
}
static void dli_gather_forward(dl_ctx *c, dl_tensor *y)
{
    int64_t i;
    (void)c;
    for (i = 0; i < y->size; i++) y->data[i] = y->src[0]->data[dli_indexed(y->src[0], y->src[1], ((dli_index_args *)y->opts)->dim, i)];
}
static void dli_gather_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    int64_t i;
    int add;
    dl_real *dx = dl_grad_of(c, x, &add);
    if (dx && !add) memset(dx, 0, (size_t)x->size * sizeof *dx);
    for (i = 0; dx && i < y->size; i++) dx[dli_indexed(x, y->src[1], ((dli_index_args *)y->opts)->dim, i)] += y->grad[i];
}
static const dl_op dli_gather_op = { "gather", dli_gather_shape, dli_gather_forward, dli_gather_backward };
DL_DEF dl_tensor *dl_gather(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index)
{
    dl_tensor *s[2];
    dli_index_args o;
    s[0] = x; s[1] = index; o.dim = dim;
    return dl_apply(c, &dli_gather_op, 2, s, &o, sizeof o);
}

/* scatter_add:  y = x;  y[index[i][j]][j] += src[i][j] for dim 0     dx = g;  dsrc[i][j] = g[index[i][j]][j] */
static int dli_scatter_add_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *src = y->src[1], *index = y->src[2];
    dli_index_args *o = (dli_index_args *)y->opts;
    if (!dli_check(c, "scatter_add", "x", x, DL_REAL) || !dli_check(c, "scatter_add", "src", src, DL_REAL)) return 0;
    o->dim = dli_axis(c, "scatter_add", x, o->dim, x->ndim);
    if (o->dim < 0 || !dli_check_index(c, "scatter_add", index, x, x->shape[o->dim])) return 0;
    if (!dli_index_fits(c, "scatter_add", x, index, o->dim) || !dli_index_fits(c, "scatter_add", src, index, -1)) return 0;
    return dl_set_shape(c, y, x->ndim, x->shape);
}
static void dli_scatter_add_forward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *src = y->src[1], *index = y->src[2];
    int64_t i;
    (void)c;
    memcpy(y->data, y->src[0]->data, (size_t)y->size * sizeof *y->data);
    for (i = 0; i < index->size; i++) y->data[dli_indexed(y, index, ((dli_index_args *)y->opts)->dim, i)] += src->data[dli_within(src, index, i)];
}
static void dli_scatter_add_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *src = y->src[1], *index = y->src[2];
    int64_t i;
    int add;
    dl_real *ds = dl_grad_of(c, src, &add);
    if (ds && !add) memset(ds, 0, (size_t)src->size * sizeof *ds);
    for (i = 0; ds && i < index->size; i++) ds[dli_within(src, index, i)] += y->grad[dli_indexed(y, index, ((dli_index_args *)y->opts)->dim, i)];
    dli_grad_pass(c, y, y->src[0]);
}
static const dl_op dli_scatter_add_op = { "scatter_add", dli_scatter_add_shape, dli_scatter_add_forward, dli_scatter_add_backward };
DL_DEF dl_tensor *dl_scatter_add(dl_ctx *c, dl_tensor *x, int dim, dl_tensor *index, dl_tensor *src)
{
    dl_tensor *s[3];
    dli_index_args o;
    s[0] = x; s[1] = src; s[2] = index; o.dim = dim;
    return dl_apply(c, &dli_scatter_add_op, 3, s, &o, sizeof o);
}

/* --- sort, topk: stable merge sort of every line, NaN last as the largest;  dx[index] += g ------------ */
typedef struct { int dim, descending; dl_tensor *index; } dli_sort_args;

static int dli_sort_before(dl_real a, dl_real b, int descending)       /* whether b must come before a */
{
    if (a != a || b != b) return descending ? b != b && a == a : a != a && b == b;
    return descending ? b > a : b < a;
}

static void dli_sort_line(const dl_real *x, int32_t *index, int32_t *other, int64_t n, int descending)
{
    int64_t width, lo, i;
    for (i = 0; i < n; i++) index[i] = (int32_t)i;
    for (width = 1; width < n; width *= 2) {
        for (lo = 0; lo < n; lo += 2 * width) {
            int64_t mid = dli_min64(lo + width, n), hi = dli_min64(lo + 2 * width, n), a = lo, b = mid, k;
            for (k = lo; k < hi; k++) other[k] = b < hi && (a == mid || dli_sort_before(x[index[a]], x[index[b]], descending)) ? index[b++] : index[a++];
        }
        memcpy(index, other, (size_t)n * sizeof *index);
    }
}

static int dli_sort_shape(dl_ctx *c, dl_tensor *y)
{
    dli_sort_args *o = (dli_sort_args *)y->opts;
    dl_tensor *x = y->src[0];
    if (!dli_check(c, "sort", "x", x, DL_REAL)) return 0;
    o->dim = dli_axis(c, "sort", x, o->dim, x->ndim ? x->ndim : 1);
    if (o->dim < 0 || !dl_set_shape(c, y, x->ndim, x->shape)) return 0;
    if (x->ndim && x->shape[o->dim] > INT32_MAX) { dl_fail(c, "sort: axis %d of %t is too long", o->dim, x); return 0; }
    o->index = dli_leaf(c, "sort", DL_INT32, x->ndim, x->shape, 0);
    return !c->failed;
}
static void dli_sort_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_sort_args *o = (const dli_sort_args *)y->opts;
    dli_lines l = dli_make_lines(y, o->dim);
    dli_mark m = dli_arena_mark(&c->step);
    dl_real *row = (dl_real *)dl_alloc(c, (size_t)l.n * sizeof *row);
    int32_t *index = (int32_t *)dl_alloc(c, 2 * (size_t)l.n * sizeof *index);
    int64_t i, k;
    for (i = 0; row && index && i < l.count; i++) {
        int64_t at = dli_line(&l, i);
        dli_line_get(&l, row, y->src[0]->data + at);
        dli_sort_line(row, index, index + l.n, l.n, o->descending);
        for (k = 0; k < l.n; k++) {
            y->data[at + k * l.stride] = row[index[k]];
            o->index->idata[at + k * l.stride] = index[k];
        }
    }
    dli_arena_release(&c->step, m);
}
static void dli_sort_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_sort_args *o = (const dli_sort_args *)y->opts;
    dli_lines l = dli_make_lines(y, o->dim);
    int64_t i, k;
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    for (i = 0; dx && i < l.count; i++)
        for (k = 0; k < l.n; k++) {
            int64_t at = dli_line(&l, i), from = at + k * l.stride;
            dl_real *p = dx + at + o->index->idata[from] * l.stride;
            *p = (add ? *p : 0) + y->grad[from];
        }
}
static const dl_op dli_sort_op = { "sort", dli_sort_shape, dli_sort_forward, dli_sort_backward };

static dl_tensor *dli_sort(dl_ctx *c, dl_tensor *x, int dim, int descending, dl_tensor **index)
{
    dli_sort_args o;
    dl_tensor *y;
    o.dim = dim; o.descending = descending; o.index = NULL;
    y = dl_apply(c, &dli_sort_op, 1, &x, &o, sizeof o);
    *index = dl_is_nil(y) ? DLI_NIL : ((dli_sort_args *)y->opts)->index;
    return y;
}
DL_DEF dl_tensor *dl_sort_with(dl_ctx *c, dl_tensor *x, int dim, dl_sort_opts o)
{
    dl_tensor *index;
    return dli_sort(c, x, dim, o.descending, o.indices ? o.indices : &index);
}
DL_DEF dl_tensor *dl_topk_with(dl_ctx *c, dl_tensor *x, int64_t k, int dim, dl_topk_opts o)
{
    dl_tensor *index, *y;
    dl_slice_opts s;
    int axis;
    memset(&s, 0, sizeof s);
    if (o.indices) *o.indices = DLI_NIL;
    if (!dli_check(c, "topk", "x", x, DL_REAL)) return DLI_NIL;
    axis = dli_axis(c, "topk", x, dim, x->ndim);
    if (axis < 0) return DLI_NIL;
    if (k < 1 || k > x->shape[axis]) return dl_fail(c, "topk: %l of axis %d of %t", k, axis, x);
    y = dli_sort(c, x, axis, !o.smallest, &index);
    if (o.indices) *o.indices = dl_slice_with(c, index, axis, 0, k, s);
    return dl_slice_with(c, y, axis, 0, k, s);
}

/* --- matmul:  C = op(A) op(B)          dA = dC op(B)^T,  dB = op(A)^T dC;  as stored if transposed --------------------
   Batches broadcast: the walk's `to` and `from` are the strides of A and B from batch to batch. */
typedef struct { int ta, tb; int64_t M, N, K; dli_walk batch; } dli_matmul_args;

static int dli_matmul_shape(dl_ctx *c, dl_tensor *y)
{
    dli_matmul_args *o = (dli_matmul_args *)y->opts;
    dl_tensor *a = y->src[0], *b = y->src[1];
    int64_t shape[DL_MAX_DIMS], as[DL_MAX_DIMS], bs[DL_MAX_DIMS], kb;
    int an = a->ndim > 1 ? a->ndim - 2 : 0, bn = b->ndim > 1 ? b->ndim - 2 : 0, n = an > bn ? an : bn, d, ndim;
    if (!dli_check(c, "matmul", "a", a, DL_REAL) || !dli_check(c, "matmul", "b", b, DL_REAL)) return 0;
    if (!a->ndim || !b->ndim) { dl_fail(c, "matmul: %t by %t, scalars have no rows", a, b); return 0; }
    if (a->ndim == 1) { o->M = 1; o->K = a->shape[0]; o->ta = 0; }
    else { o->M = a->shape[an + (o->ta != 0)]; o->K = a->shape[an + !o->ta]; }
    if (b->ndim == 1) { o->N = 1; kb = b->shape[0]; o->tb = 0; }
    else { o->N = b->shape[bn + !o->tb]; kb = b->shape[bn + (o->tb != 0)]; }
    if (kb != o->K) {
        dl_fail(c, "matmul: %t%s by %t%s: inner sizes %l and %l differ", a, o->ta ? " transposed" : "", b, o->tb ? " transposed" : "", o->K, kb);
        return 0;
    }
    dli_strides(a->ndim, a->shape, as);
    dli_strides(b->ndim, b->shape, bs);
    for (d = 0; d < n; d++) {
        int ai = d - (n - an), bi = d - (n - bn);
        int64_t sa = ai < 0 ? 1 : a->shape[ai], sb = bi < 0 ? 1 : b->shape[bi];
        if (sa != sb && sa != 1 && sb != 1) { dl_fail(c, "matmul: the batches of %t and %t do not broadcast", a, b); return 0; }
        shape[d] = sa > sb ? sa : sb;
        dli_walk_axis(&o->batch, shape[d], sa == 1 ? 0 : as[ai], sb == 1 ? 0 : bs[bi]);
    }
    if (o->batch.ndim == 1 && !o->ta && o->batch.from[0] == 0 && o->batch.to[0] == o->M * o->K) {
        o->M *= o->batch.size[0];                        /* one B for all: the batch is just more rows */
        o->batch.ndim = 0;
    }
    ndim = n;
    if (a->ndim > 1) shape[ndim++] = a->shape[an + (o->ta != 0)];
    if (b->ndim > 1) shape[ndim++] = o->N;
    return dl_set_shape(c, y, ndim, shape);
}

/* For every batch: C (+)= op(A) op(B), where the roles of A, B, C are played by a, b or y and their gradients. */
static void dli_matmul_run(dl_ctx *c, const dli_matmul_args *o, dli_gemm_args g, int64_t role[3])
{
    /* role[i]: which stride the i-th matrix of the product takes: 0 that of a, 1 that of b, 2 that of y */
    int64_t index[DL_MAX_DIMS] = {0}, at[3] = {0, 0, 0}, step[3];
    const dl_real *A = g.A, *B = g.B;
    dl_real *C = g.C;
    int d, last = o->batch.ndim - 1, together;
    step[2] = o->M * o->N;
    step[0] = last >= 0 ? o->batch.to[last] : 0;
    step[1] = last >= 0 ? o->batch.from[last] : 0;
    together = last < 0 || step[role[2]] != 0;           /* outputs differ within the last batch axis: one call for all of it */
    if (last >= 0 && together) {
        g.batch = o->batch.size[last];
        g.stride_a = step[role[0]]; g.stride_b = step[role[1]]; g.stride_c = step[role[2]];
    }
    for (;;) {
        g.A = A + at[role[0]]; g.B = B + at[role[1]]; g.C = C + at[role[2]];
        if (!dli_gemm(c, &g)) return;
        at[2] += step[2] * (together && last >= 0 ? o->batch.size[last] : 1);
        for (d = last - together; d >= 0; d--) {
            at[0] += o->batch.to[d];
            at[1] += o->batch.from[d];
            if (++index[d] < o->batch.size[d]) break;
            index[d] = 0;
            at[0] -= o->batch.to[d] * o->batch.size[d];
            at[1] -= o->batch.from[d] * o->batch.size[d];
        }
        if (d < 0) return;
    }
}

/* Product of roles r0 and r1 into role r2; each matrix is (rows as stored) x ld. */
static void dli_matmul_product(dl_ctx *c, dl_tensor *y, int r0, int t0, int r1, int t1, int r2, dl_real *out, int add)
{
    const dli_matmul_args *o = (const dli_matmul_args *)y->opts;
    const dl_real *data[3];
    int64_t ld[3], role[3];
    dli_gemm_args g;
    memset(&g, 0, sizeof g);
    data[0] = y->src[0]->data; data[1] = y->src[1]->data; data[2] = y->grad;
    ld[0] = o->ta ? o->M : o->K; ld[1] = o->tb ? o->K : o->N; ld[2] = o->N;
    role[0] = r0; role[1] = r1; role[2] = r2;
    g.trans_a = t0; g.trans_b = t1;
    g.A = data[r0]; g.lda = ld[r0]; g.B = data[r1]; g.ldb = ld[r1]; g.C = out; g.ldc = ld[r2];
    g.M = r2 == 1 && !o->tb ? o->K : r2 == 1 ? o->N : r2 == 0 && o->ta ? o->K : o->M;
    g.N = r2 == 0 && o->ta ? o->M : r2 == 0 || (r2 == 1 && o->tb) ? o->K : o->N;
    g.K = r2 == 0 ? o->N : r2 == 1 ? o->M : o->K;
    g.alpha = 1; g.beta = (dl_real)add;
    dli_matmul_run(c, o, g, role);
}
static void dli_matmul_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_matmul_args *o = (const dli_matmul_args *)y->opts;
    dli_matmul_product(c, y, 0, o->ta, 1, o->tb, 2, y->data, 0);
}
static void dli_matmul_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_matmul_args *o = (const dli_matmul_args *)y->opts;
    int i, d, add;
    for (i = 0; i < 2; i++) {
        dl_tensor *x = y->src[i];
        dl_real *dx = dl_grad_of(c, x, &add);
        if (!dx) continue;
        for (d = 0; d < o->batch.ndim && !add; d++)      /* a stretched operand: its gradient is a sum over batches */
            if (!(i ? o->batch.from[d] : o->batch.to[d])) {
                memset(dx, 0, (size_t)x->size * sizeof *dx);
                add = 1;
            }
        if (i == 0 && !o->ta)     dli_matmul_product(c, y, 2, 0, 1, !o->tb, 0, dx, add);      /* dA = dC op(B)^T     */
        else if (i == 0)          dli_matmul_product(c, y, 1, o->tb, 2, 1, 0, dx, add);       /* dA^T = op(B) dC^T   */
        else if (!o->tb)          dli_matmul_product(c, y, 0, !o->ta, 2, 0, 1, dx, add);      /* dB = op(A)^T dC     */
        else                      dli_matmul_product(c, y, 2, 1, 0, o->ta, 1, dx, add);       /* dB^T = dC^T op(A)   */
    }
}
static const dl_op dli_matmul_op = { "matmul", dli_matmul_shape, dli_matmul_forward, dli_matmul_backward };
static int64_t dli_matmul_inner(const dl_tensor *y) { return ((const dli_matmul_args *)y->opts)->K; }   /* for dl_summary */
DL_DEF dl_tensor *dl_matmul_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_matmul_opts opts)
{
    dl_tensor *s[2];
    dli_matmul_args o;
    memset(&o, 0, sizeof o);
    o.ta = opts.transpose_a; o.tb = opts.transpose_b;
    s[0] = a; s[1] = b;
    return dl_apply(c, &dli_matmul_op, 2, s, &o, sizeof o);
}

/* --- linear:  y = act(x w^T + b)     dz = g act'(z),  dx = dz w,  dw = dz^T x,  db = sum of the rows of dz ------------- */
static int dli_linear_shape(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *w = y->src[1], *b = y->nsrc > 2 ? y->src[2] : NULL;
    int64_t shape[DL_MAX_DIMS];
    if (!dli_check(c, "linear", "x", x, DL_REAL) || !dli_check(c, "linear", "weight", w, DL_REAL)) return 0;
    if (w->ndim != 2 || !x->ndim) { dl_fail(c, "linear: %t with weight %t, expected (.., in) and (out, in)", x, w); return 0; }
    if (x->shape[x->ndim - 1] != w->shape[1]) {
        dl_fail(c, "linear: %t with weight %t: %l and %l differ", x, w, x->shape[x->ndim - 1], w->shape[1]);
        return 0;
    }
    if (b && (!dli_check(c, "linear", "bias", b, DL_REAL) || b->ndim != 1 || b->shape[0] != w->shape[0])) {
        dl_fail(c, "linear: bias %t with weight %t, expected (%l)", b, w, w->shape[0]);
        return 0;
    }
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = w->shape[0];
    return dl_set_shape(c, y, x->ndim, shape);
}
static void dli_linear_forward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *w = y->src[1];
    dli_gemm_args g;
    memset(&g, 0, sizeof g);
    g.N = w->shape[0]; g.K = w->shape[1]; g.M = x->size / g.K;
    g.A = x->data; g.lda = g.K;
    g.B = w->data; g.ldb = g.K; g.trans_b = 1;
    g.C = y->data; g.ldc = g.N;
    g.alpha = 1;
    g.bias = y->nsrc > 2 ? y->src[2]->data : NULL;
    g.activation = *(const dl_activation *)y->opts;
    dli_gemm(c, &g);
}
static void dli_linear_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0], *w = y->src[1], *b = y->nsrc > 2 ? y->src[2] : NULL;
    int64_t out = w->shape[0], in = w->shape[1], rows = x->size / in;
    dl_activation act = *(const dl_activation *)y->opts;
    dl_real *dx, *dw, *db, *dz = y->grad;
    int add_x, add_w, add_b;
    dli_gemm_args g;
    dli_mark m;
    dx = dl_grad_of(c, x, &add_x);
    dw = dl_grad_of(c, w, &add_w);
    db = b ? dl_grad_of(c, b, &add_b) : NULL;
    m = dli_arena_mark(&c->step);
    if (act != DL_LINEAR) {                              /* the derivatives of these activations need y only */
        dli_map *df = act == DL_RELU ? c->k->dx_relu : act == DL_SIGMOID ? c->k->dx_sigmoid : c->k->dx_tanh;
        dl_tensor *in3[3];
        const dl_real *data[3];
        in3[0] = in3[1] = in3[2] = y;
        data[0] = data[1] = y->data; data[2] = y->grad;
        dz = (dl_real *)dl_alloc(c, (size_t)y->size * sizeof *dz);
        if (!dz) return;
        dli_run_map(c, y, df, NULL, dz, 0, 3, in3, data);
    }
    memset(&g, 0, sizeof g);
    g.alpha = 1;
    if (dx) {
        g.M = rows; g.N = in; g.K = out;
        g.A = dz; g.lda = out; g.B = w->data; g.ldb = in; g.C = dx; g.ldc = in; g.beta = (dl_real)add_x;
        dli_gemm(c, &g);
    }
    if (dw) {
        g.M = out; g.N = in; g.K = rows;
        g.A = dz; g.lda = out; g.trans_a = 1; g.B = x->data; g.ldb = in; g.C = dw; g.ldc = in; g.beta = (dl_real)add_w;
        dli_gemm(c, &g);
    }
    if (db) dli_sum_to(c, y, dz, b, db, add_b);
    dli_arena_release(&c->step, m);
}
static const dl_op dli_linear_op = { "linear", dli_linear_shape, dli_linear_forward, dli_linear_backward };
DL_DEF dl_tensor *dl_linear_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_linear_opts o)
{
    dl_tensor *s[3];
    s[0] = x; s[1] = w; s[2] = b;
    if (o.activation > DL_TANH) return dl_fail(c, "linear: activation %d is unknown", (int)o.activation);
    return dl_apply(c, &dli_linear_op, b ? 3 : 2, s, &o.activation, sizeof o.activation);
}

/* ================================================================================================
   >>losses      cross-entropy; pointwise losses are rows of DL_BINARY_OPS with a reduction behind them
   ================================================================================================ */
static int dli_check_reduction(dl_ctx *c, const char *who, dl_reduction r)
{
    if (r == DL_MEAN || r == DL_SUM || r == DL_NONE) return 1;
    dl_fail(c, "%s: reduction %d is unknown", who, (int)r);
    return 0;
}

static dl_tensor *dli_pointwise_loss(dl_ctx *c, const char *who, dl_tensor *(*f)(dl_ctx *, dl_tensor *, dl_tensor *), dl_tensor *x,
                                     dl_tensor *target, dl_reduction reduction)
{
    dl_tensor *y;
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check(c, who, "target", target, DL_REAL)) return DLI_NIL;
    if (!dli_check_reduction(c, who, reduction)) return DLI_NIL;
    if (x->ndim != target->ndim || memcmp(x->shape, target->shape, sizeof x->shape)) return dl_fail(c, "%s: %t with target %t", who, x, target);
    y = f(c, x, target);
    return reduction == DL_NONE ? y
         : dli_apply_reduce(c, reduction == DL_SUM ? &dli_sum_op : &dli_mean_op, y, 0, 0, reduction == DL_SUM ? 1 : (double)x->size);
}
DL_DEF dl_tensor *dl_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_mse_loss_opts o)
{ return dli_pointwise_loss(c, "mse_loss", dl_squared_error, x, target, o.reduction); }
DL_DEF dl_tensor *dl_bce_with_logits_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_bce_with_logits_opts o)
{ return dli_pointwise_loss(c, "bce_with_logits", dl_bce_logits, x, target, o.reduction); }

/* --- cross-entropy of logits x and target distribution q, classes weighted by w:
   u_k = w_k ((1 - s) q_k + s / C),   l = sum_k u_k (lse(x) - x_k)
   dx = g (softmax(x) sum_k u_k - u),   dq = g (1 - s) w (lse(x) - x)
   An int target t has q = onehot(t), and DL_MEAN then divides by the sum of the w_t.  No (N, C) buffer is kept: lse is. */
typedef struct { dl_tensor *weight; int32_t ignore; dl_reduction reduction; dl_real smoothing; } dli_ce_args;
typedef struct { dl_real *top, *log_sum, *loss, denominator; } dli_ce_saved;      /* lse = top + log_sum, apart: no digits lost */

static int dli_ce_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_ce_args *o = (const dli_ce_args *)y->opts;
    dl_tensor *x = y->src[0], *t = y->src[1];
    int64_t i, N, C;
    if (!dli_check(c, "cross_entropy", "logits", x, DL_REAL)) return 0;
    if (x->ndim < 1 || x->ndim > 2) { dl_fail(c, "cross_entropy: logits %t, expected (N, C) or (C)", x); return 0; }
    C = x->shape[x->ndim - 1];
    N = x->size / C;
    if (t->dtype == DL_REAL ? t->ndim != x->ndim || memcmp(t->shape, x->shape, sizeof x->shape)
                            : t->ndim != x->ndim - 1 || t->size != N) {
        dl_fail(c, "cross_entropy: logits %t with target %t, expected labels (N) or probabilities (N, C)", x, t);
        return 0;
    }
    for (i = 0; t->dtype == DL_INT32 && i < N; i++)
        if (t->idata[i] != o->ignore && (t->idata[i] < 0 || t->idata[i] >= C)) {
            dl_fail(c, "cross_entropy: label %d at index %l, expected 0 to %l", (int)t->idata[i], i, C - 1);
            return 0;
        }
    if (o->weight && (!dli_check(c, "cross_entropy", "weight", o->weight, DL_REAL) || o->weight->size != C)) {
        dl_fail(c, "cross_entropy: weight %t for %l classes", o->weight, C);
        return 0;
    }
    return dl_set_shape(c, y, o->reduction == DL_NONE ? x->ndim - 1 : 0, x->shape);
}

typedef struct { const dl_ctx *c; const dl_tensor *y; dli_ce_saved *saved; dl_real *dx, *dq; int add_x, add_q; int64_t per_task; } dli_ce_job;

static dl_real dli_ce_weight(const dli_ce_args *o, int64_t k) { return o->weight ? o->weight->data[k] : 1; }

static dl_real dli_ce_u(const dli_ce_args *o, const dl_tensor *t, int64_t row, int64_t k, int64_t C)
{
    dl_real q = t->dtype == DL_REAL ? t->data[row * C + k] : t->idata[row] == k;
    return dli_ce_weight(o, k) * ((1 - o->smoothing) * q + o->smoothing / (dl_real)C);
}

static void dli_ce_forward_task(void *arg, int64_t task, int worker)
{
    const dli_ce_job *j = (const dli_ce_job *)arg;
    const dli_ce_args *o = (const dli_ce_args *)j->y->opts;
    const dl_tensor *x = j->y->src[0], *t = j->y->src[1];
    int64_t C = x->shape[x->ndim - 1], i, k, hi = dli_min64((task + 1) * j->per_task, x->size / C);
    (void)worker;
    for (i = task * j->per_task; i < hi; i++) {
        const dl_real *row = x->data + i * C;
        dl_real top = j->c->k->max(row, C), log_sum = j->c->k->log_sum_exp(row, top, C), loss = 0;
        j->saved->top[i] = top;
        j->saved->log_sum[i] = log_sum;
        if (t->dtype == DL_INT32 && t->idata[i] == o->ignore) loss = 0;
        else if (t->dtype == DL_INT32 && o->smoothing == 0) loss = dli_ce_weight(o, t->idata[i]) * (top - row[t->idata[i]] + log_sum);
        else for (k = 0; k < C; k++) loss += dli_ce_u(o, t, i, k, C) * (top - row[k] + log_sum);
        j->saved->loss[i] = loss;
    }
}
static void dli_ce_backward_task(void *arg, int64_t task, int worker)
{
    const dli_ce_job *j = (const dli_ce_job *)arg;
    const dli_ce_args *o = (const dli_ce_args *)j->y->opts;
    const dl_tensor *x = j->y->src[0], *t = j->y->src[1];
    int64_t C = x->shape[x->ndim - 1], i, k, hi = dli_min64((task + 1) * j->per_task, x->size / C);
    (void)worker;
    for (i = task * j->per_task; i < hi; i++) {
        const dl_real *row = x->data + i * C;
        dl_real *dx = j->dx + (j->dx ? i * C : 0), top = j->saved->top[i], log_sum = j->saved->log_sum[i], total = 0;
        dl_real g = o->reduction == DL_NONE ? j->y->grad[i] : j->y->grad[0] / j->saved->denominator;
        dl_real inverse = dli_exp_portable(-log_sum);
        if (t->dtype == DL_INT32 && t->idata[i] == o->ignore) {
            if (dx && !j->add_x) memset(dx, 0, (size_t)C * sizeof *dx);
            continue;
        }
        if (dx && t->dtype == DL_INT32 && o->smoothing == 0) {
            dl_real w = dli_ce_weight(o, t->idata[i]);
            j->c->k->exp_row(dx, g * w * inverse, row, top, C, j->add_x);
            dx[t->idata[i]] -= g * w;
        } else if (dx) {
            for (k = 0; k < C; k++) total += dli_ce_u(o, t, i, k, C);
            j->c->k->exp_row(dx, g * total * inverse, row, top, C, j->add_x);
            for (k = 0; k < C; k++) dx[k] -= g * dli_ce_u(o, t, i, k, C);
        }
        for (k = 0; j->dq && k < C; k++) {
            dl_real *p = j->dq + i * C + k;
            *p = (j->add_q ? *p : 0) + g * (1 - o->smoothing) * dli_ce_weight(o, k) * (top - row[k] + log_sum);
        }
    }
}
static void dli_ce_rows(dl_ctx *c, dli_task *task, dli_ce_job *j)
{
    const dl_tensor *x = j->y->src[0];
    int64_t N = x->size / x->shape[x->ndim - 1];
    j->per_task = x->size >= DLI_PAR_WORK / 4 ? (N + c->threads - 1) / c->threads : N;
    dli_parallel(c, (N + j->per_task - 1) / j->per_task, task, j);
}
static void dli_ce_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_ce_args *o = (const dli_ce_args *)y->opts;
    const dl_tensor *x = y->src[0], *t = y->src[1];
    int64_t N = x->size / x->shape[x->ndim - 1], i;
    dli_ce_saved *s = (dli_ce_saved *)dl_alloc(c, sizeof *s + 3 * (size_t)N * sizeof(dl_real));
    dli_ce_job j;
    if (!s) return;
    memset(&j, 0, sizeof j);
    y->saved = j.saved = s;
    s->top = (dl_real *)(void *)(s + 1);
    s->log_sum = s->top + N;
    s->loss = s->log_sum + N;
    s->denominator = 1;
    j.c = c; j.y = y;
    dli_ce_rows(c, dli_ce_forward_task, &j);
    if (o->reduction == DL_NONE) { memcpy(y->data, s->loss, (size_t)N * sizeof *y->data); return; }
    if (o->reduction == DL_MEAN && t->dtype == DL_REAL) s->denominator = (dl_real)N;
    if (o->reduction == DL_MEAN && t->dtype == DL_INT32)
        for (s->denominator = 0, i = 0; i < N; i++)
            if (t->idata[i] != o->ignore) s->denominator += dli_ce_weight(o, t->idata[i]);
    y->data[0] = c->k->sum(s->loss, N) / s->denominator;
}
static void dli_ce_backward(dl_ctx *c, dl_tensor *y)
{
    dli_ce_job j;
    memset(&j, 0, sizeof j);
    j.c = c; j.y = y; j.saved = (dli_ce_saved *)y->saved;
    j.dx = dl_grad_of(c, y->src[0], &j.add_x);
    j.dq = dl_grad_of(c, y->src[1], &j.add_q);
    if (!c->failed) dli_ce_rows(c, dli_ce_backward_task, &j);
}
static const dl_op dli_cross_entropy_op = { "cross_entropy", dli_ce_shape, dli_ce_forward, dli_ce_backward };
DL_DEF dl_tensor *dl_cross_entropy_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_cross_entropy_opts opts)
{
    dl_tensor *s[2];
    dli_ce_args o;
    s[0] = logits; s[1] = target;
    o.weight = opts.weight;
    o.ignore = dli_or(opts.ignore_index, -100);
    o.reduction = opts.reduction;
    o.smoothing = opts.label_smoothing;
    if (!dli_check_reduction(c, "cross_entropy", o.reduction)) return DLI_NIL;
    if (!(o.smoothing >= 0 && o.smoothing <= 1)) return dl_fail(c, "cross_entropy: label_smoothing is %g, expected 0 to 1", (double)o.smoothing);
    return dl_apply(c, &dli_cross_entropy_op, 2, s, &o, sizeof o);
}

/* ================================================================================================
   >>modules     a tree of named nodes; forward is a function of the node's type
   ================================================================================================ */
static double dli_sqrt64(double x)                                      /* Newton's method, from half the exponent */
{
    double y;
    uint64_t bits;
    int i;
    if (!(x > 0 && x <= 1.7976931348623157e308)) return x;
    memcpy(&bits, &x, sizeof x);
    bits = (bits >> 1) + ((uint64_t)1023 << 51);
    memcpy(&y, &bits, sizeof y);
    for (i = 0; i < 5; i++) y = (y + x / y) / 2;
    return y;
}

#define DLI_MAX_DEPTH 256           /* of dl_forward calls within each other: a module that calls itself ends here */

static const dl_module_type dli_nn_nil_type = { "nil", sizeof(dl_module), NULL };
static const dl_module dli_nn_nil = { &dli_nn_nil_type, "", NULL, 0, NULL, 0, NULL, 0 };

/* What a failed call returns.  With a context it is memory that the caller may write, as if it were his struct. */
static dl_module *dli_nil_module(dl_ctx *c)
{
    if (!c) return (dl_module *)&dli_nn_nil;
    memset(c->nil_module, 0, sizeof *c->nil_module);
    c->nil_module->type = &dli_nn_nil_type;
    c->nil_module->name = "";
    return c->nil_module;
}

static int dli_is_nil_module(const dl_module *m) { return !m || m->type == &dli_nn_nil_type; }

/* Whether m can be used by `who`. */
static int dli_check_module(dl_ctx *c, const char *who, const dl_module *m)
{
    if (!c || c->failed) return 0;
    if (!dli_is_nil_module(m)) return 1;
    dl_fail(c, "%s: the module is %s", who, m ? "nil, the result of a failed call" : "NULL");
    return 0;
}

/* Depth-first, parents before children; NULL behind the last.  No recursion, so trees may be as deep as they like. */
static dl_module *dli_next_module(const dl_module *root, dl_module *m)
{
    if (m->nchildren) return m->children[0];
    for (; m != root; m = m->parent)
        if (m->index + 1 < m->parent->nchildren) return m->parent->children[m->index + 1];
    return NULL;
}

/* For each parameter and buffer p below root, in state_dict order; m and i are loop variables. */
#define DLI_EACH_PARAM(root, m, i, p)                                                                                \
    for (m = dli_is_nil_module(root) ? NULL : (root); m; m = dli_next_module(root, m))                               \
        for (i = 0; i < m->nparams && ((p) = &m->params[i]) != NULL; i++)

/* Room for one element more in an array of n.  It moves to twice the room whenever n is a power of two. */
static void *dli_grow(dl_ctx *c, void *array, int n, size_t elem)
{
    void *bigger;
    if (n & (n - 1)) return array;
    bigger = dl_alloc_keep(c, (n ? 2 * (size_t)n : 1) * elem);
    if (bigger && n) memcpy(bigger, array, (size_t)n * elem);
    return bigger;
}

static const char *dli_keep_name(dl_ctx *c, const char *name)
{
    size_t n = strlen(name) + 1;
    char *copy = (char *)dl_alloc_keep(c, n);
    if (copy) memcpy(copy, name, n);
    return copy;
}

/* A name within m: not empty, without dots (they separate names in files), not there yet. */
static int dli_check_name(dl_ctx *c, const dl_module *m, const char *name)
{
    int i, taken = 0;
    if (!name || !*name || strchr(name, '.')) {
        dl_fail(c, "%s: \"%s\" cannot be a name, which is not empty and has no dot", m->type->name, name ? name : "");
        return 0;
    }
    for (i = 0; i < m->nchildren; i++) taken |= !strcmp(m->children[i]->name, name);
    for (i = 0; i < m->nparams; i++) taken |= !strcmp(m->params[i].name, name);
    if (taken) dl_fail(c, "%s: there is a \"%s\" already", m->type->name, name);
    return !taken;
}

DL_DEF dl_module *dl_module_create(dl_ctx *c, const dl_module_type *type)
{
    dl_module *m;
    if (!c || c->failed) return dli_nil_module(c);
    if (!type || type->size < sizeof *m || type->size > DLI_MODULE_SIZE) {
        dl_fail(c, "module_create: a module type has a size from %l to %d, and its struct begins with a dl_module",
                (int64_t)sizeof *m, DLI_MODULE_SIZE);
        return dli_nil_module(c);
    }
    m = (dl_module *)dl_alloc_keep(c, type->size);
    if (!m) return dli_nil_module(c);
    m->type = type;
    m->name = "";
    return m;
}

DL_DEF dl_module *dl_module_add(dl_ctx *c, dl_module *parent, const char *name, dl_module *child)
{
    dl_module **children, *up;
    char number[16];
    dli_text text;
    if (!dli_check_module(c, "module_add", parent)) return dli_nil_module(c);
    if (!name) {
        text.p = number; text.left = sizeof number;
        dli_put_int(&text, parent->nchildren);
        name = number;
    }
    if (dli_is_nil_module(child)) {
        dl_fail(c, "%s: child \"%s\" is %s", parent->type->name, name, child ? "nil, the result of a failed call" : "NULL");
        return dli_nil_module(c);
    }
    for (up = parent; up && up != child; up = up->parent) {}
    if (up || child->parent) {
        dl_fail(c, "%s: child \"%s\" is already in a tree; a module has one parent", parent->type->name, name);
        return dli_nil_module(c);
    }
    if (!dli_check_name(c, parent, name) || !(name = dli_keep_name(c, name))) return dli_nil_module(c);
    children = (dl_module **)dli_grow(c, parent->children, parent->nchildren, sizeof *children);
    if (!children) return dli_nil_module(c);
    parent->children = children;
    child->name = name;
    child->parent = parent;
    child->index = parent->nchildren;
    return parent->children[parent->nchildren++] = child;
}

static dl_tensor *dli_module_tensor(dl_ctx *c, dl_module *m, const char *name, int ndim, const int64_t *shape, int is_buffer)
{
    dl_tensor *t;
    dl_param *params;
    if (!dli_check_module(c, "module_param", m) || !dli_check_name(c, m, name)) return DLI_NIL;
    t = dli_leaf(c, m->type->name, DL_REAL, ndim, shape, 1);
    if (dl_is_nil(t) || !(name = dli_keep_name(c, name))) return DLI_NIL;
    params = (dl_param *)dli_grow(c, m->params, m->nparams, sizeof *params);
    if (!params) return DLI_NIL;
    t->requires_grad = !is_buffer;
    m->params = params;
    params[m->nparams].name = name;
    params[m->nparams].tensor = t;
    params[m->nparams++].is_buffer = is_buffer;
    return t;
}
DL_DEF dl_tensor *dl_module_param(dl_ctx *c, dl_module *m, const char *name, dl_shape shape)
{
    return dli_module_tensor(c, m, name, dli_shape_rank(shape.d), shape.d, 0);
}
DL_DEF dl_tensor *dl_module_buffer(dl_ctx *c, dl_module *m, const char *name, dl_shape shape)
{
    return dli_module_tensor(c, m, name, dli_shape_rank(shape.d), shape.d, 1);
}

/* The piece of s that belongs at out[at], where out has room for size characters. */
static void dli_put_piece(char *out, size_t size, size_t at, const char *s, size_t n)
{
    if (at < size) memcpy(out + at, s, n < size - at ? n : size - at);
}

DL_DEF dl_param *dl_module_at(dl_module *root, int i, char *name, size_t name_size)
{
    dl_module *m = dli_is_nil_module(root) || i < 0 ? NULL : root;
    const dl_module *up;
    dl_param *p;
    size_t end, n;
    while (m && i >= m->nparams) {
        i -= m->nparams;
        m = dli_next_module(root, m);
    }
    if (name && name_size) *name = 0;
    if (!m) return NULL;
    p = &m->params[i];
    if (!name || !name_size) return p;
    end = strlen(p->name);
    for (up = m; up != root; up = up->parent) end += strlen(up->name) + 1;
    name[end < name_size ? end : name_size - 1] = 0;
    n = strlen(p->name);
    dli_put_piece(name, name_size - 1, end -= n, p->name, n);          /* from the back: "weight", then "conv1.", "0." */
    for (up = m; up != root; up = up->parent) {
        dli_put_piece(name, name_size - 1, --end, ".", 1);
        n = strlen(up->name);
        dli_put_piece(name, name_size - 1, end -= n, up->name, n);
    }
    return p;
}

DL_DEF dl_tensor *dl_module_get(dl_ctx *c, dl_module *m, const char *name)
{
    const char *rest = name;
    int i, found = 1;
    if (!dli_check_module(c, "module_get", m)) return DLI_NIL;
    if (!name) return dl_fail(c, "module_get: the name is NULL");
    while (found) {
        for (i = 0; i < m->nparams; i++) if (!strcmp(m->params[i].name, rest)) return m->params[i].tensor;
        for (i = found = 0; i < m->nchildren && !found; i++) {
            size_t n = strlen(m->children[i]->name);
            found = !strncmp(m->children[i]->name, rest, n) && rest[n] == '.';
            if (found) rest += n + 1;
        }
        if (found) m = m->children[i - 1];
    }
    return dl_fail(c, "module_get: no parameter is called \"%s\"", name);
}

DL_DEF int64_t dl_param_count(dl_module *root)
{
    dl_module *m;
    dl_param *p;
    int64_t n = 0;
    int i;
    DLI_EACH_PARAM(root, m, i, p) if (!p->is_buffer && p->tensor->requires_grad) n += p->tensor->size;
    return n;
}

DL_DEF void dl_zero_grads(dl_module *root)
{
    dl_module *m;
    dl_param *p;
    int i;
    DLI_EACH_PARAM(root, m, i, p) dl_zero_grad(p->tensor);
}

/* --- forward -------------------------------------------------------------------------------------- */

/* What dl_summary wants to know of one call of dl_forward. */
typedef struct dli_row { struct dli_row *next; const dl_module *module; const dl_tensor *y; int depth; int64_t macs; } dli_row;

/* Multiply-adds of the results recorded since `before`. */
static int64_t dli_count_macs(const dl_tensor *t, const dl_tensor *before)
{
    int64_t n = 0;
    for (; t != before; t = t->prev) {
        if (t->op == &dli_linear_op) n += t->size * t->src[1]->shape[1];
        if (t->op == &dli_matmul_op) n += t->size * dli_matmul_inner(t);
    }
    return n;
}

static dl_tensor *dli_forward(dl_ctx *c, dl_module *m, dl_tensor *x)
{
    dl_tensor *y;
    if (c->depth == DLI_MAX_DEPTH)
        return dl_fail(c, "forward: %s: modules call each other more than %d deep", m->type->name, DLI_MAX_DEPTH);
    c->depth++;
    y = m->type->forward(c, m, x);
    c->depth--;
    return y ? y : dl_fail(c, "forward: %s returned NULL", m->type->name);
}

static dl_tensor *dli_watched_forward(dl_ctx *c, dl_module *m, dl_tensor *x)
{
    dli_row *row = (dli_row *)dl_alloc(c, sizeof *row);
    dl_tensor *before = c->tape;
    if (!row) return DLI_NIL;
    row->next = NULL;
    row->module = m;
    row->depth = c->depth;
    *c->watch = row;
    c->watch = &row->next;
    row->y = dli_forward(c, m, x);
    row->macs = dli_count_macs(c->tape, before);
    return (dl_tensor *)row->y;
}

DL_DEF dl_tensor *dl_forward(dl_ctx *c, dl_module *m, dl_tensor *x)
{
    if (!dli_check_module(c, "forward", m)) return DLI_NIL;
    if (!m->type->forward) return dl_fail(c, "forward: %s has no forward function", m->type->name);
    if (dl_is_nil(x))
        return dl_fail(c, "forward: the input of %s is %s", m->type->name, x ? "nil, the result of a failed call" : "NULL");
    return c->watch ? dli_watched_forward(c, m, x) : dli_forward(c, m, x);
}

/* --- linear: y = x W^T + b ------------------------------------------------------------------------- */
typedef struct { dl_module base; dl_tensor *weight, *bias; } dli_nn_linear;

static dl_tensor *dli_nn_linear_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    dl_linear_opts o = { DL_LINEAR, 0 };
    return dl_linear_with(c, x, ((dli_nn_linear *)self)->weight, ((dli_nn_linear *)self)->bias, o);
}
static const dl_module_type dli_nn_linear_type = { "linear", sizeof(dli_nn_linear), dli_nn_linear_forward };

DL_DEF dl_module *dl_nn_linear_with(dl_ctx *c, int64_t in, int64_t out, dl_nn_linear_opts o)
{
    dli_nn_linear *m = (dli_nn_linear *)dl_module_create(c, &dli_nn_linear_type);
    dl_real bound = (dl_real)(1 / dli_sqrt64(in > 0 ? (double)in : 1));
    int64_t shape[2];
    shape[0] = out; shape[1] = in;
    if (!c || c->failed) return &m->base;
    m->weight = dli_module_tensor(c, &m->base, "weight", 2, shape, 0);
    dl_init_uniform(c, m->weight, -bound, bound);
    if (!o.no_bias) {
        m->bias = dli_module_tensor(c, &m->base, "bias", 1, shape, 0);
        dl_init_uniform(c, m->bias, -bound, bound);
    }
    return c && !c->failed ? &m->base : dli_nil_module(c);
}

/* --- functions as modules: relu, sigmoid, flatten, ... ---------------------------------------------- */
typedef struct { dl_module base; dl_module_type type; dl_nn_fn f; } dli_nn_function;

static dl_tensor *dli_nn_function_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return ((dli_nn_function *)self)->f(c, x);
}
static const dl_module_type dli_nn_function_type = { "function", sizeof(dli_nn_function), dli_nn_function_forward };

DL_DEF dl_module *dl_nn_function(dl_ctx *c, const char *name, dl_nn_fn f)
{
    dli_nn_function *m = (dli_nn_function *)dl_module_create(c, &dli_nn_function_type);
    if (!c || c->failed) return &m->base;
    if (!name || !f) { dl_fail(c, "nn_function: %s is NULL", name ? name : "the name"); return dli_nil_module(c); }
    m->type = dli_nn_function_type;                                    /* each has a type of its own: it has its own name */
    m->type.name = dli_keep_name(c, name);
    if (!m->type.name) return dli_nil_module(c);
    m->base.type = &m->type;
    m->f = f;
    return &m->base;
}

static dl_tensor *dli_flatten_samples(dl_ctx *c, dl_tensor *x) { return dl_flatten(c, x, 1, -1); }

DL_DEF dl_module *dl_nn_relu(dl_ctx *c)    { return dl_nn_function(c, "relu", dl_relu); }
DL_DEF dl_module *dl_nn_sigmoid(dl_ctx *c) { return dl_nn_function(c, "sigmoid", dl_sigmoid); }
DL_DEF dl_module *dl_nn_tanh(dl_ctx *c)    { return dl_nn_function(c, "tanh", dl_tanh); }
DL_DEF dl_module *dl_nn_flatten(dl_ctx *c) { return dl_nn_function(c, "flatten", dli_flatten_samples); }

typedef struct { dl_module base; int dim; } dli_nn_softmax;
static dl_tensor *dli_nn_softmax_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dl_softmax(c, x, ((dli_nn_softmax *)self)->dim);
}
static const dl_module_type dli_nn_softmax_type = { "softmax", sizeof(dli_nn_softmax), dli_nn_softmax_forward };
DL_DEF dl_module *dl_nn_softmax(dl_ctx *c, int dim)
{
    dli_nn_softmax *m = (dli_nn_softmax *)dl_module_create(c, &dli_nn_softmax_type);
    if (c && !c->failed) m->dim = dim;
    return &m->base;
}

typedef struct { dl_module base; dl_real p; } dli_nn_dropout;
static dl_tensor *dli_nn_dropout_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dl_dropout(c, x, ((dli_nn_dropout *)self)->p);
}
static const dl_module_type dli_nn_dropout_type = { "dropout", sizeof(dli_nn_dropout), dli_nn_dropout_forward };
DL_DEF dl_module *dl_nn_dropout(dl_ctx *c, dl_real p)
{
    dli_nn_dropout *m = (dli_nn_dropout *)dl_module_create(c, &dli_nn_dropout_type);
    if (!(p >= 0 && p <= 1)) { dl_fail(c, "nn_dropout: p is %g, expected 0 to 1", (double)p); return dli_nil_module(c); }
    if (c && !c->failed) m->p = p;
    return &m->base;
}

/* --- sequential -------------------------------------------------------------------------------------- */

/* The activation that m applies, if dl_linear can do it in the same pass; else DL_LINEAR. */
static dl_activation dli_activation_of(const dl_module *m)
{
    dl_nn_fn f = m->type->forward == dli_nn_function_forward ? ((const dli_nn_function *)m)->f : NULL;
    return f == dl_relu ? DL_RELU : f == dl_sigmoid ? DL_SIGMOID : f == dl_tanh ? DL_TANH : DL_LINEAR;
}

static dl_tensor *dli_nn_sequential_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    dl_module **m = self->children, **end = m + self->nchildren;
    for (; m < end; m++) {
        dl_linear_opts o = { DL_LINEAR, 0 };
        if ((*m)->type == &dli_nn_linear_type && m + 1 < end && !c->watch) o.activation = dli_activation_of(m[1]);
        if (o.activation != DL_LINEAR) {
            const dli_nn_linear *linear = (const dli_nn_linear *)*m++;
            x = dl_linear_with(c, x, linear->weight, linear->bias, o);
        } else x = dl_forward(c, *m, x);
    }
    return x;
}
static const dl_module_type dli_nn_sequential_type = { "sequential", sizeof(dl_module), dli_nn_sequential_forward };

DL_DEF dl_module *dl_nn_sequential_with(dl_ctx *c, dl_module *const *list, int n)
{
    dl_module *m = dl_module_create(c, &dli_nn_sequential_type);
    int i;
    if (n < 0 || (n && !list)) {
        dl_fail(c, "nn_sequential: %d modules in a list that is %s", n, list ? "there" : "NULL");
        return dli_nil_module(c);
    }
    for (i = 0; i < n; i++) dl_module_add(c, m, NULL, list[i]);
    return c && !c->failed ? m : dli_nil_module(c);
}

DL_DEF dl_module *dl_nn_sequential_list(dl_ctx *c, dl_module_list list)
{
    int n = 0;
    while (n < DL_MAX_LIST && list.m[n] != DLI_LIST_END) n++;
    if (n < DL_MAX_LIST) return dl_nn_sequential_with(c, list.m, n);
    dl_fail(c, "nn_sequential: more than %d modules in one list; use dl_module_add", n - 1);
    return dli_nil_module(c);
}

/* ================================================================================================
   >>init        initializers: fill a tensor in place
   ================================================================================================ */

/* w = a w + b with the elementwise kernels: two rounded steps, whatever the compiler would make of them. */
static void dli_scale_shift(dl_ctx *c, dl_tensor *w, dl_real a, dl_real b)
{
    dl_real row[DLI_CHUNK], p[2], q[2];
    const dl_real *in;
    int64_t i;
    p[0] = a; q[0] = b; p[1] = q[1] = 0;
    for (i = 0; i < w->size; i += DLI_CHUNK) {
        int64_t n = dli_min64(DLI_CHUNK, w->size - i);
        in = w->data + i;
        c->k->f_mul_scalar(row, &in, n, p);
        in = row;
        c->k->f_add_scalar(w->data + i, &in, n, q);
    }
}

DL_DEF void dl_init_uniform(dl_ctx *c, dl_tensor *w, dl_real low, dl_real high)
{
    if (!dli_check(c, "init_uniform", "w", w, DL_REAL)) return;
    if (!(low <= high)) { dl_fail(c, "init_uniform: from %g to %g", (double)low, (double)high); return; }
    dli_random(c, c->k->uniform, w->data, w->size);
    dli_scale_shift(c, w, high - low, low);
}

DL_DEF void dl_init_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std)
{
    if (!dli_check(c, "init_normal", "w", w, DL_REAL)) return;
    if (!(std >= 0)) { dl_fail(c, "init_normal: standard deviation %g", (double)std); return; }
    dli_random(c, c->k->normal, w->data, w->size);
    dli_scale_shift(c, w, std, mean);
}

DL_DEF void dl_init_constant(dl_ctx *c, dl_tensor *w, dl_real value)
{
    int64_t i;
    if (!dli_check(c, "init_constant", "w", w, DL_REAL)) return;
    for (i = 0; i < w->size; i++) w->data[i] = value;
}

/* One draw from N(0, 1) between a and b: uniform proposals x, kept with probability phi(x) / max phi.  The i-th element's
   draws are words of the Philox counter (i, attempt), so they depend on nothing else. */
static double dli_truncated_normal(dl_ctx *c, uint64_t call, int64_t i, double a, double b)
{
    double nearest = a > 0 ? a : b < 0 ? b : 0, x = nearest;
    uint32_t key[2], counter[4], w[4], attempt;
    if (a < nearest - 8) a = nearest - 8;                               /* what lies beyond has probability 1e-14 */
    if (b > nearest + 8) b = nearest + 8;
    key[0] = (uint32_t)c->seed; key[1] = (uint32_t)(c->seed >> 32);
    counter[2] = (uint32_t)call; counter[3] = (uint32_t)(call >> 32);
    for (attempt = 1; attempt < 10000; attempt++) {
        dl_real t, accept;
        const dl_real *in = &t;
        counter[0] = (uint32_t)i; counter[1] = (uint32_t)(i >> 32) ^ attempt << 16;
        dl_philox(counter, key, w);
        x = (b - a) * (w[0] * (1.0 / 4294967296.0));
        x += a;
        t = (dl_real)((nearest - x) * (nearest + x) / 2);
        c->k->f_exp(&accept, &in, 1, NULL);
        if (w[1] * (1.0 / 4294967296.0) < (double)accept) break;
    }
    return x;
}

DL_DEF void dl_init_trunc_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std, dl_real low, dl_real high)
{
    int64_t i;
    uint64_t call;
    if (!dli_check(c, "init_trunc_normal", "w", w, DL_REAL)) return;
    if (!(std > 0) || !(low < high)) {
        dl_fail(c, "init_trunc_normal: standard deviation %g, from %g to %g", (double)std, (double)low, (double)high);
        return;
    }
    dl_init_normal(c, w, mean, std);
    call = c->calls++;
    for (i = 0; i < w->size; i++)
        if (!(w->data[i] >= low && w->data[i] <= high)) {               /* drawn again among the values that are allowed */
            double z = dli_truncated_normal(c, call, i, ((double)low - mean) / std, ((double)high - mean) / std);
            dl_real x = (dl_real)(z * std + mean);
            w->data[i] = x < low ? low : x > high ? high : x;
        }
}

/* Values that one output sees (DL_FAN_IN), or that see one input (DL_FAN_OUT).  0 after an error. */
static double dli_fan(dl_ctx *c, const char *who, const dl_tensor *w, dl_fan mode)
{
    if (!dli_check(c, who, "w", w, DL_REAL)) return 0;
    if (mode != DL_FAN_IN && mode != DL_FAN_OUT) { dl_fail(c, "%s: mode %d", who, (int)mode); return 0; }
    if (w->ndim < 2) { dl_fail(c, "%s: %t has no fan; weights are (out, in, ...)", who, w); return 0; }
    return (double)(w->size / w->shape[mode == DL_FAN_OUT ? 1 : 0]);
}

static void dli_init_variance(dl_ctx *c, dl_tensor *w, int uniform, double std)
{
    if (!c || c->failed) return;
    if (uniform) { dl_real a = (dl_real)(dli_sqrt64(3) * std); dl_init_uniform(c, w, -a, a); }
    else dl_init_normal(c, w, 0, (dl_real)std);
}

static void dli_init_xavier(dl_ctx *c, const char *who, dl_tensor *w, int uniform, double gain)
{
    double fans = dli_fan(c, who, w, DL_FAN_IN) + dli_fan(c, who, w, DL_FAN_OUT);
    dli_init_variance(c, w, uniform, (gain != 0 ? gain : 1) * dli_sqrt64(2 / fans));
}
DL_DEF void dl_init_xavier_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_uniform_opts o)
{
    dli_init_xavier(c, "init_xavier_uniform", w, 1, (double)o.gain);
}
DL_DEF void dl_init_xavier_normal_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_normal_opts o)
{
    dli_init_xavier(c, "init_xavier_normal", w, 0, (double)o.gain);
}

static void dli_init_he(dl_ctx *c, const char *who, dl_tensor *w, int uniform, double gain, dl_fan mode)
{
    double fan = dli_fan(c, who, w, mode);
    dli_init_variance(c, w, uniform, gain != 0 ? gain / dli_sqrt64(fan) : dli_sqrt64(2 / fan));
}
DL_DEF void dl_init_he_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_he_uniform_opts o)
{
    dli_init_he(c, "init_he_uniform", w, 1, (double)o.gain, o.mode);
}
DL_DEF void dl_init_he_normal_with(dl_ctx *c, dl_tensor *w, dl_init_he_normal_opts o)
{
    dli_init_he(c, "init_he_normal", w, 0, (double)o.gain, o.mode);
}
DL_DEF void dl_init_lecun_uniform(dl_ctx *c, dl_tensor *w) { dli_init_he(c, "init_lecun_uniform", w, 1, 1, DL_FAN_IN); }
DL_DEF void dl_init_lecun_normal(dl_ctx *c, dl_tensor *w)  { dli_init_he(c, "init_lecun_normal", w, 0, 1, DL_FAN_IN); }

/* The shorter side of the (rows, rest) matrix becomes orthonormal, times gain: normal numbers, then Gram-Schmidt, twice,
   which leaves errors near the rounding error (Giraud et al. 2005).  Positive norms make the result uniform over all
   orthogonal matrices (Mezzadri 2007). */
DL_DEF void dl_init_orthogonal(dl_ctx *c, dl_tensor *w, dl_real gain)
{
    int64_t rows, cols, n, len, i, j;
    int pass, turned;
    dl_real *q;
    dli_mark mark;
    if (dli_fan(c, "init_orthogonal", w, DL_FAN_IN) == 0) return;
    rows = w->shape[0];
    cols = w->size / rows;
    turned = rows > cols;                                               /* then the columns are the vectors */
    n = turned ? cols : rows;
    len = turned ? rows : cols;
    mark = dli_arena_mark(&c->step);
    q = turned ? (dl_real *)dl_alloc(c, (size_t)w->size * sizeof *q) : w->data;
    if (!q) return;
    dli_random(c, c->k->normal, q, w->size);
    for (i = 0; i < n; i++) {
        dl_real *v = q + i * len;
        for (pass = 0; pass < 2; pass++)
            for (j = 0; j < i; j++) c->k->axpy(v, -c->k->dot(v, q + j * len, len), q + j * len, len);
        c->k->scale(v, (dl_real)(1 / dli_sqrt64((double)c->k->dot(v, v, len))), len);
    }
    for (i = 0; turned && i < rows; i++)
        for (j = 0; j < cols; j++) w->data[i * cols + j] = q[j * len + i];
    c->k->scale(w->data, gain, w->size);
    dli_arena_release(&c->step, mark);
}

DL_DEF double dl_init_gain(const char *nonlinearity)
{
    static const struct { const char *name; double gain; } table[] = {
        {"linear", 1}, {"sigmoid", 1}, {"tanh", 5.0 / 3}, {"relu", 1.4142135623730951}, {"selu", 0.75},
        {"leaky_relu", 1.4141428569978354},                             /* slope 0.01: sqrt(2 / (1 + 0.01^2)) */
    };
    size_t i;
    for (i = 0; nonlinearity && i < sizeof table / sizeof *table; i++)
        if (!strcmp(nonlinearity, table[i].name)) return table[i].gain;
    return dl_item(NULL);
}

/* ================================================================================================
   >>optim       optimizers and gradient clipping

   An optimizer is a row of dli_optim_type and two functions: one turns the options and the step number into what the
   kernel needs, one runs the kernel over a piece of a parameter.
   ================================================================================================ */
#define DLI_OPTIM_STATES 2
#define DLI_OPTIM_CHUNK  16384       /* values that one task updates */

typedef union { dli_sgd_opts sgd; dli_adam_opts adam; } dli_optim_args;

typedef struct {
    dl_tensor     *w;
    dl_real       *state[DLI_OPTIM_STATES];
    int64_t        t;                /* updates so far: a parameter without a gradient is left alone */
    dli_optim_args args;             /* of this step's kernel                                        */
} dli_slot;

typedef struct {
    const char *name;
    void (*prepare)(const dl_optim *o, dli_slot *s);
    void (*update)(const dli_kernels *k, const dli_slot *s, int64_t first, int64_t n);
} dli_optim_type;

typedef struct { int slot; int64_t first, n; } dli_piece;

struct dl_optim {
    const dli_optim_type *type;
    dl_real    lr;
    union { dl_optim_sgd_opts sgd; dl_optim_adam_opts adam; } opts;
    dli_slot  *slots;
    dli_piece *pieces;               /* all parameters, cut into chunks for the threads              */
    int        nslots;
    int64_t    npieces, size;
};

static const dl_optim dli_nil_optim = { NULL, 0, {{0, 0, 0, 0, 0, 0}}, NULL, NULL, 0, 0, 0 };

static int dli_is_nil_optim(const dl_optim *o) { return !o || !o->type; }

/* An optimizer over all parameters of m, each with `states` arrays of its size, zeroed. */
static dl_optim *dli_optim_create(dl_ctx *c, const dli_optim_type *type, dl_module *root, int states, dl_real lr)
{
    dl_optim *o;
    dl_module *m;
    dl_param *p;
    int64_t count = 0, at;
    int i, k, n = 0;
    if (!dli_check_module(c, type->name, root)) return (dl_optim *)&dli_nil_optim;
    DLI_EACH_PARAM(root, m, i, p)
        if (!p->is_buffer) { n++; count += (p->tensor->size + DLI_OPTIM_CHUNK - 1) / DLI_OPTIM_CHUNK; }
    if (!n) dl_fail(c, "%s: the module has no parameters", type->name);
    if (!(lr >= 0)) dl_fail(c, "%s: learning rate %g", type->name, (double)lr);
    o = c->failed ? NULL : (dl_optim *)dl_alloc_keep(c, sizeof *o);
    if (!o) return (dl_optim *)&dli_nil_optim;
    o->lr = lr;
    o->slots = (dli_slot *)dl_alloc_keep(c, (size_t)n * sizeof *o->slots);
    o->pieces = (dli_piece *)dl_alloc_keep(c, (size_t)count * sizeof *o->pieces);
    if (c->failed) return (dl_optim *)&dli_nil_optim;
    DLI_EACH_PARAM(root, m, i, p) {
        dli_slot *s = &o->slots[o->nslots];
        if (p->is_buffer) continue;
        s->w = p->tensor;
        for (k = 0; k < states; k++) s->state[k] = (dl_real *)dl_alloc_keep(c, (size_t)s->w->size * sizeof(dl_real));
        for (at = 0; at < s->w->size; at += DLI_OPTIM_CHUNK) {
            dli_piece *piece = &o->pieces[o->npieces++];
            piece->slot = o->nslots;
            piece->first = at;
            piece->n = dli_min64(DLI_OPTIM_CHUNK, s->w->size - at);
        }
        o->size += s->w->size;
        o->nslots++;
    }
    if (c->failed) return (dl_optim *)&dli_nil_optim;
    o->type = type;
    return o;
}

typedef struct { const dl_ctx *c; const dl_optim *o; } dli_optim_job;

static void dli_optim_task(void *arg, int64_t i, int worker)
{
    const dli_optim_job *job = (const dli_optim_job *)arg;
    const dli_piece *piece = &job->o->pieces[i];
    const dli_slot *s = &job->o->slots[piece->slot];
    (void)worker;
    if (s->w->grad) job->o->type->update(job->c->k, s, piece->first, piece->n);
}

DL_DEF int dl_optim_step(dl_ctx *c, dl_optim *o)
{
    dli_optim_job job;
    const dli_slot *last = NULL;
    int i;
    if (!c || c->failed) return 0;
    if (dli_is_nil_optim(o)) {
        dl_fail(c, "optim_step: the optimizer is %s", o ? "nil, the result of a failed call" : "NULL");
        return 0;
    }
    for (i = 0; i < o->nslots; i++) {
        dli_slot *s = &o->slots[i];
        if (!s->w->grad) continue;
        s->t++;
        if (last && last->t == s->t) s->args = last->args;
        else o->type->prepare(o, s);
        last = s;
    }
    job.c = c; job.o = o;
    dli_parallel_if(c, o->size >= DLI_PAR_WORK, o->npieces, dli_optim_task, &job);
    for (i = 0; i < o->nslots; i++) dl_zero_grad(o->slots[i].w);
    return 1;
}

DL_DEF dl_real dl_optim_lr(const dl_optim *o) { return dli_is_nil_optim(o) ? (dl_real)dl_item(NULL) : o->lr; }
DL_DEF void dl_optim_set_lr(dl_optim *o, dl_real lr) { if (!dli_is_nil_optim(o)) o->lr = lr; }

/* --- SGD:  g += weight_decay w;  b = momentum b + (1 - dampening) g, at first b = g;  w -= lr (nesterov ? g + momentum b : b) */
static void dli_sgd_prepare(const dl_optim *o, dli_slot *s)
{
    dli_sgd_opts *a = &s->args.sgd;
    a->lr = o->lr;
    a->momentum = o->opts.sgd.momentum;
    a->dampening = o->opts.sgd.dampening;
    a->weight_decay = o->opts.sgd.weight_decay;
    a->nesterov = o->opts.sgd.nesterov;
    a->first = s->t == 1;
}
static void dli_sgd_update(const dli_kernels *k, const dli_slot *s, int64_t first, int64_t n)
{
    k->sgd(s->w->data + first, s->w->grad + first, s->state[0] ? s->state[0] + first : NULL, n, &s->args.sgd);
}
static const dli_optim_type dli_optim_sgd_type = { "optim_sgd", dli_sgd_prepare, dli_sgd_update };

DL_DEF dl_optim *dl_optim_sgd_with(dl_ctx *c, dl_module *m, dl_optim_sgd_opts o)
{
    dl_optim *p;
    o.lr = dli_or_real(o.lr, 1e-3);
    if (!(o.momentum >= 0) || !(o.weight_decay >= 0))
        dl_fail(c, "optim_sgd: momentum %g, weight_decay %g", (double)o.momentum, (double)o.weight_decay);
    if (o.nesterov && (o.momentum == 0 || o.dampening != 0)) dl_fail(c, "optim_sgd: nesterov needs a momentum and no dampening");
    p = dli_optim_create(c, &dli_optim_sgd_type, m, o.momentum != 0, o.lr);
    if (!dli_is_nil_optim(p)) p->opts.sgd = o;
    return p;
}

/* --- Adam:  g += weight_decay w;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
       w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
   AdamW: instead of adding to g, first w -= lr weight_decay w --------------------------------------- */
static double dli_power(double x, int64_t n)
{
    double y = 1;
    for (; n; n >>= 1, x *= x) if (n & 1) y *= x;
    return y;
}

static void dli_adam_prepare(const dl_optim *o, dli_slot *s)
{
    dli_adam_opts *a = &s->args.adam;
    a->step = (dl_real)((double)o->lr / (1 - dli_power((double)o->opts.adam.beta1, s->t)));
    a->root = (dl_real)dli_sqrt64(1 - dli_power((double)o->opts.adam.beta2, s->t));
    a->beta1 = o->opts.adam.beta1;
    a->beta2 = o->opts.adam.beta2;
    a->eps = o->opts.adam.eps;
    a->l2 = o->opts.adam.weight_decay;
    a->shrink = 1;
}
static void dli_adamw_prepare(const dl_optim *o, dli_slot *s)
{
    dli_adam_prepare(o, s);
    s->args.adam.l2 = 0;
    s->args.adam.shrink = (dl_real)(1 - (double)o->lr * (double)o->opts.adam.weight_decay);
}
static void dli_adam_update(const dli_kernels *k, const dli_slot *s, int64_t first, int64_t n)
{
    k->adam(s->w->data + first, s->w->grad + first, s->state[0] + first, s->state[1] + first, n, &s->args.adam);
}
static const dli_optim_type dli_optim_adam_type  = { "optim_adam", dli_adam_prepare, dli_adam_update };
static const dli_optim_type dli_optim_adamw_type = { "optim_adamw", dli_adamw_prepare, dli_adam_update };

static dl_optim *dli_optim_adam(dl_ctx *c, dl_module *m, const dli_optim_type *type, dl_optim_adam_opts o, double weight_decay)
{
    dl_optim *p;
    o.lr = dli_or_real(o.lr, 1e-3);
    o.beta1 = dli_or_real(o.beta1, 0.9);
    o.beta2 = dli_or_real(o.beta2, 0.999);
    o.eps = dli_or_real(o.eps, 1e-8);
    o.weight_decay = dli_or_real(o.weight_decay, weight_decay);
    if (!(o.beta1 >= 0 && o.beta1 < 1) || !(o.beta2 >= 0 && o.beta2 < 1) || !(o.eps >= 0) || !(o.weight_decay >= 0))
        dl_fail(c, "%s: beta1 %g, beta2 %g, eps %g, weight_decay %g", type->name, (double)o.beta1, (double)o.beta2,
                (double)o.eps, (double)o.weight_decay);
    p = dli_optim_create(c, type, m, 2, o.lr);
    if (!dli_is_nil_optim(p)) p->opts.adam = o;
    return p;
}
DL_DEF dl_optim *dl_optim_adam_with(dl_ctx *c, dl_module *m, dl_optim_adam_opts o)
{
    return dli_optim_adam(c, m, &dli_optim_adam_type, o, 0);
}
DL_DEF dl_optim *dl_optim_adamw_with(dl_ctx *c, dl_module *m, dl_optim_adamw_opts o)
{
    return dli_optim_adam(c, m, &dli_optim_adamw_type, o, 1e-2);
}

/* --- clipping ---------------------------------------------------------------------------------------- */

/* Sum of (scale g)^2 over all gradients: rows in the number type, their sums in double, in order. */
static double dli_grad_squares(const dl_ctx *c, dl_module *root, double scale)
{
    dl_module *m;
    dl_param *p;
    double sum = 0;
    int64_t at;
    int i;
    DLI_EACH_PARAM(root, m, i, p)
        for (at = 0; p->tensor->grad && at < p->tensor->size; at += 4096)
            sum += (double)c->k->sum_squares(p->tensor->grad + at, 0, (dl_real)scale, dli_min64(4096, p->tensor->size - at));
    return sum;
}

static double dli_grad_largest(const dl_ctx *c, dl_module *root)
{
    dl_module *m;
    dl_param *p;
    double largest = 0;
    int i;
    DLI_EACH_PARAM(root, m, i, p)
        if (p->tensor->grad) {
            double high = (double)c->k->max(p->tensor->grad, p->tensor->size);
            double low = -(double)c->k->min(p->tensor->grad, p->tensor->size);
            if (high > largest) largest = high;
            if (low > largest) largest = low;
        }
    return largest;
}

DL_DEF double dl_clip_grad_norm(dl_ctx *c, dl_module *root, double max_norm)
{
    dl_module *m;
    dl_param *p;
    double sum, norm, factor, scale = 1;
    int i;
    if (!dli_check_module(c, "clip_grad_norm", root)) return dl_item(NULL);
    if (!(max_norm >= 0)) { dl_fail(c, "clip_grad_norm: the largest norm is %g", max_norm); return dl_item(NULL); }
    sum = dli_grad_squares(c, root, scale);
    if (sum < 1e-20 || sum > 1e30) {                                    /* squares may have left the range of the number type */
        double largest = dli_grad_largest(c, root);
        if (largest > 0 && largest < 1.7e308) {
            scale = largest < 1e-30 ? 1e30 : 1 / largest;
            sum = dli_grad_squares(c, root, scale);
        }
    }
    norm = dli_sqrt64(sum) / scale;
    factor = max_norm / (norm + 1e-6);
    if (!(factor >= 1))
        DLI_EACH_PARAM(root, m, i, p)
            if (p->tensor->grad) c->k->scale(p->tensor->grad, (dl_real)factor, p->tensor->size);
    return norm;
}

DL_DEF void dl_clip_grad_value(dl_ctx *c, dl_module *root, double max_value)
{
    dl_module *m;
    dl_param *p;
    dl_real high = (dl_real)max_value;
    int64_t j;
    int i;
    if (!dli_check_module(c, "clip_grad_value", root)) return;
    if (!(max_value >= 0)) { dl_fail(c, "clip_grad_value: the largest value is %g", max_value); return; }
    DLI_EACH_PARAM(root, m, i, p)
        for (j = 0; p->tensor->grad && j < p->tensor->size; j++) {
            dl_real g = p->tensor->grad[j];
            p->tensor->grad[j] = g > high ? high : g < -high ? -high : g;
        }
}

/* ================================================================================================
   >>data        data sets, IDX files, drawn digits, mini-batches, evaluation, training
   ================================================================================================ */
static const dl_dataset dli_nil_dataset = { DLI_NIL, DLI_NIL, 0, 0 };
#define DLI_NIL_DATASET ((dl_dataset *)&dli_nil_dataset)

/* Whether d can be used by `who`. */
static int dli_check_dataset(dl_ctx *c, const char *who, const dl_dataset *d)
{
    if (!c || c->failed) return 0;
    if (d && d->size) return 1;
    dl_fail(c, "%s: the data set is %s", who, d ? "nil, the result of a failed call" : "NULL");
    return 0;
}

DL_DEF dl_dataset *dl_data_tensors(dl_ctx *c, dl_tensor *inputs, dl_tensor *targets)
{
    dl_dataset *d;
    int64_t i;
    int classes = 0;
    if (!c || c->failed) return DLI_NIL_DATASET;
    if (dl_is_nil(inputs) || dl_is_nil(targets) || !inputs->ndim || !targets->ndim || inputs->shape[0] != targets->shape[0]) {
        dl_fail(c, "data_tensors: inputs %t and targets %t do not have one row per sample each", inputs, targets);
        return DLI_NIL_DATASET;
    }
    if (inputs->shape[0] > INT32_MAX) {
        dl_fail(c, "data_tensors: %l samples do not fit an int32", inputs->shape[0]);
        return DLI_NIL_DATASET;
    }
    for (i = 0; targets->dtype == DL_INT32 && i < targets->size; i++) {
        if (targets->idata[i] < 0 || targets->idata[i] == INT32_MAX) {
            dl_fail(c, "data_tensors: BadLabel: %d at index %l is not a class", (int)targets->idata[i], i);
            return DLI_NIL_DATASET;
        }
        if (targets->idata[i] >= classes) classes = (int)targets->idata[i] + 1;
    }
    d = (dl_dataset *)dl_alloc_keep(c, sizeof *d);
    if (!d) return DLI_NIL_DATASET;
    d->inputs = inputs->kept ? inputs : dl_keep(c, inputs);
    d->targets = targets->kept ? targets : dl_keep(c, targets);
    if (c->failed) return DLI_NIL_DATASET;
    d->size = inputs->shape[0];
    d->classes = classes;
    return d;
}

/* --- IDX files: 00 00 type rank, the axes as 32-bit numbers, the values; all big-endian (LeCun's MNIST format) ------- */
#ifndef DL_NO_STDIO
#include <errno.h>

typedef struct {
    FILE      *file;
    const char *path;
    int        type, ndim;
    size_t     elem;                    /* bytes of one value                                  */
    int64_t    shape[4], count;
} dli_idx;

/* check: the name of what went wrong; at: the byte; n of `what` were expected. */
static int dli_idx_fail(dl_ctx *c, dli_idx *f, const char *check, int64_t at, const char *what, int64_t expected, int64_t found)
{
    dl_fail(c, "idx: \"%s\": %s at byte %l: %s: %l expected, %l found", f->path, check, at, what, expected, found);
    if (f->file) fclose(f->file);
    f->file = NULL;
    return 0;
}

/* Opens the file and checks all of its header against its length.  0 after an error, with the file closed. */
static int dli_idx_open(dl_ctx *c, dli_idx *f, const char *path)
{
    static const unsigned char size_of[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2, 4, 4, 8, 0};
    unsigned char head[4], dim_bytes[16], *dims;
    int64_t limit = (int64_t)(DLI_MAX_BYTES / 8), length, bytes, at;
    int i;
    memset(f, 0, sizeof *f);
    if (!c || c->failed) return 0;
    f->path = path;
    f->file = path ? fopen(path, "rb") : NULL;
    if (!f->file) {
        dl_fail(c, "idx: \"%s\": cannot open it: %s", path ? path : "", path ? strerror(errno) : "the path is NULL");
        return 0;
    }
    length = fseek(f->file, 0, SEEK_END) == 0 ? (int64_t)ftell(f->file) : -1;
    if (length < 4 || fseek(f->file, 0, SEEK_SET) != 0 || fread(head, 1, 4, f->file) != 4)
        return dli_idx_fail(c, f, "HeaderTruncated", 0, "length of the file", 4, length);
    if (head[0] == 0x1f && head[1] == 0x8b) {
        dl_fail(c, "idx: \"%s\": BadMagic at byte 0: 1f 8b is gzip; unpack the file first (gunzip)", path);
        fclose(f->file);
        f->file = NULL;
        return 0;
    }
    if (head[0] || head[1]) return dli_idx_fail(c, f, "BadMagic", 0, "first two bytes, as a number", 0, head[0] * 256 + head[1]);
    f->type = head[2];
    f->elem = size_of[head[2] & 15];
    f->ndim = head[3];
    if (head[2] > 15 || !f->elem) return dli_idx_fail(c, f, "UnsupportedType", 2, "type, 8, 9 or 11 to 14", 8, f->type);
    if (f->ndim < 1 || f->ndim > 4) return dli_idx_fail(c, f, "RankTooLarge", 3, "number of axes, 1 to 4", 4, f->ndim);
    at = 4 + 4 * f->ndim;
    if (length < at || fread(dim_bytes, 4, (size_t)f->ndim, f->file) != (size_t)f->ndim)
        return dli_idx_fail(c, f, "HeaderTruncated", 4, "length of the file", at, length);
    f->count = 1;
    for (i = 0, dims = dim_bytes; i < f->ndim; i++, dims += 4) {
        f->shape[i] = (int64_t)((uint32_t)dims[0] << 24 | (uint32_t)dims[1] << 16 | (uint32_t)dims[2] << 8 | dims[3]);
        if (f->shape[i] == 0) return dli_idx_fail(c, f, "EmptyAxis", 4 + 4 * i, "size of the axis, at least", 1, 0);
        if (f->shape[i] > limit / f->count)
            return dli_idx_fail(c, f, "SizeOverflow", 4 + 4 * i, "size of the axis, at most", limit / f->count, f->shape[i]);
        f->count *= f->shape[i];
    }
    bytes = f->count * (int64_t)f->elem;
    if (length - at < bytes) return dli_idx_fail(c, f, "DataTruncated", at, "bytes of data", bytes, length - at);
    if (length - at > bytes) return dli_idx_fail(c, f, "TrailingData", at + bytes, "bytes of data", bytes, length - at);
    return 1;
}

/* All values, over divisor if they become reals; closes the file.  0 after an error. */
static int dli_idx_read(dl_ctx *c, dli_idx *f, dl_tensor *t, double divisor)
{
    unsigned char buffer[4096], *b = buffer;
    int64_t i, left = 0;
    for (i = 0; i < f->count && !c->failed; i++, b += f->elem, left--) {
        uint32_t high;
        double value;
        if (left == 0) {
            left = dli_min64((int64_t)(sizeof buffer / f->elem), f->count - i);
            b = buffer;
            if (fread(buffer, f->elem, (size_t)left, f->file) != (size_t)left)
                return dli_idx_fail(c, f, "DataTruncated", 4 + 4 * f->ndim, "values", f->count, i);
        }
        high = f->elem < 4 ? 0 : (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (f->type == 8)       value = b[0];
        else if (f->type == 9)  value = b[0] < 128 ? b[0] : b[0] - 256;
        else if (f->type == 11) value = (b[0] < 128 ? b[0] : b[0] - 256) * 256 + b[1];
        else if (f->type == 12) value = (double)high - (b[0] < 128 ? 0 : 4294967296.0);
        else if (f->type == 13) { float x; memcpy(&x, &high, 4); value = (double)x; }
        else {
            uint64_t bits = (uint64_t)high << 32 | (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];
            memcpy(&value, &bits, 8);
        }
        if (t->idata) t->idata[i] = (int32_t)value;
        else t->data[i] = (dl_real)(value / divisor);
    }
    if (f->file) fclose(f->file);
    f->file = NULL;
    return !c->failed;
}

DL_DEF dl_tensor *dl_data_idx(dl_ctx *c, const char *path)
{
    dli_idx f;
    dl_tensor *t;
    if (!dli_idx_open(c, &f, path)) return DLI_NIL;
    t = dli_leaf(c, "data_idx", f.type < 13 ? DL_INT32 : DL_REAL, f.ndim, f.shape, 0);
    return dli_idx_read(c, &f, t, 1) ? t : DLI_NIL;
}

#define DLI_PATH_SIZE 1024
static int dli_mnist_open(dl_ctx *c, dli_idx *f, char *path, const char *folder, const char *name, int ndim)
{
    dli_text text;
    text.p = path; text.left = DLI_PATH_SIZE;
    dli_put(&text, folder);
    dli_put(&text, "/");
    dli_put(&text, name);
    if (text.left <= 1) { f->file = NULL; dl_fail(c, "data_mnist: the path %s is too long", path); return 0; }
    if (!dli_idx_open(c, f, path)) return 0;
    if (f->type != 8) return dli_idx_fail(c, f, "UnsupportedType", 2, "type", 8, f->type);
    if (f->ndim != ndim) return dli_idx_fail(c, f, "BadMagic", 3, "number of axes", ndim, f->ndim);
    return 1;
}

DL_DEF dl_dataset *dl_data_mnist_with(dl_ctx *c, const char *folder, dl_data_mnist_opts o)
{
    dli_idx images, labels;
    char image_path[DLI_PATH_SIZE], label_path[DLI_PATH_SIZE];
    dli_mark mark;
    dl_dataset *d = DLI_NIL_DATASET;
    dl_tensor *x, *t;
    int64_t shape[4], i;
    if (!c || c->failed) return d;
    if (!folder) { dl_fail(c, "data_mnist: the folder is NULL"); return d; }
    mark = dli_arena_mark(&c->keep);
    labels.file = NULL;
    if (dli_mnist_open(c, &images, image_path, folder, o.train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte", 3) &&
        dli_mnist_open(c, &labels, label_path, folder, o.train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte", 1)) {
        shape[0] = images.shape[0]; shape[1] = 1; shape[2] = images.shape[1]; shape[3] = images.shape[2];
        if (labels.count != shape[0])
            dli_idx_fail(c, &labels, "CountMismatch", 4, "labels, one for each image", shape[0], labels.count);
        x = dli_leaf(c, "data_mnist", DL_REAL, 4, shape, 1);
        t = dli_leaf(c, "data_mnist", DL_INT32, 1, shape, 1);
        if (!c->failed && dli_idx_read(c, &images, x, 255) && dli_idx_read(c, &labels, t, 1)) {
            for (i = 0; i < t->size && !c->failed; i++)
                if (t->idata[i] > 9) dli_idx_fail(c, &labels, "BadLabel", 8 + i, "largest label", 9, t->idata[i]);
            d = dl_data_tensors(c, x, t);
        }
    }
    if (images.file) fclose(images.file);
    if (labels.file) fclose(labels.file);
    if (c->failed) { dli_arena_release(&c->keep, mark); return DLI_NIL_DATASET; }
    d->classes = 10;
    return d;
}
#endif

/* --- drawn digits: strokes are quadratic Bezier curves, bent, turned and drawn with a round pen -----------------------
   style 0: always drawn; 1, 2: in one of two ways to write the digit.  Points in percent of the box, y downwards. */
typedef struct { unsigned char digit, style, p[6]; } dli_stroke;
static const dli_stroke dli_strokes[] = {
    {0, 0, {50, 10, 75, 10, 75, 50}}, {0, 0, {75, 50, 75, 90, 50, 90}}, {0, 0, {50, 90, 25, 90, 25, 50}},
    {0, 0, {25, 50, 25, 10, 50, 10}},
    {1, 0, {52, 10, 52, 50, 50, 90}}, {1, 1, {52, 10, 45, 22, 34, 28}},
    {2, 0, {26, 30, 28, 10, 50, 10}}, {2, 0, {50, 10, 74, 10, 74, 32}}, {2, 0, {74, 32, 72, 54, 26, 88}},
    {2, 0, {26, 88, 50, 86, 76, 88}},
    {3, 0, {28, 18, 38, 10, 50, 10}}, {3, 0, {50, 10, 72, 10, 72, 29}}, {3, 0, {72, 29, 72, 48, 46, 48}},
    {3, 0, {46, 48, 76, 48, 76, 69}}, {3, 0, {76, 69, 76, 90, 50, 90}}, {3, 0, {50, 90, 34, 90, 25, 80}},
    {4, 1, {60, 10, 40, 38, 22, 62}}, {4, 1, {22, 62, 50, 62, 80, 62}}, {4, 1, {60, 10, 61, 50, 60, 90}},
    {4, 2, {32, 12, 28, 40, 24, 56}}, {4, 2, {24, 56, 50, 58, 76, 54}}, {4, 2, {66, 14, 66, 50, 62, 90}},
    {5, 0, {72, 12, 50, 11, 34, 12}}, {5, 0, {34, 12, 31, 30, 30, 46}}, {5, 0, {30, 46, 40, 40, 52, 42}},
    {5, 0, {52, 42, 76, 44, 75, 67}}, {5, 0, {75, 67, 74, 90, 48, 90}}, {5, 0, {48, 90, 34, 90, 25, 80}},
    {6, 0, {66, 12, 28, 22, 27, 66}}, {6, 0, {27, 66, 27, 90, 50, 90}}, {6, 0, {50, 90, 74, 90, 74, 67}},
    {6, 0, {74, 67, 74, 46, 52, 46}}, {6, 0, {52, 46, 30, 46, 27, 66}},
    {7, 0, {24, 14, 50, 12, 76, 13}}, {7, 0, {76, 13, 54, 44, 44, 90}}, {7, 1, {38, 52, 52, 50, 66, 51}},
    {8, 0, {50, 10, 70, 10, 70, 29}}, {8, 0, {70, 29, 70, 48, 50, 48}}, {8, 0, {50, 48, 30, 48, 30, 29}},
    {8, 0, {30, 29, 30, 10, 50, 10}}, {8, 0, {50, 48, 75, 48, 75, 69}}, {8, 0, {75, 69, 75, 90, 50, 90}},
    {8, 0, {50, 90, 25, 90, 25, 69}}, {8, 0, {25, 69, 25, 48, 50, 48}},
    {9, 0, {73, 32, 73, 10, 50, 10}}, {9, 0, {50, 10, 27, 10, 27, 32}}, {9, 0, {27, 32, 27, 54, 50, 54}},
    {9, 0, {50, 54, 70, 54, 73, 32}}, {9, 0, {73, 32, 74, 70, 58, 90}},
};
#define DLI_DIGIT_SIDE   28
#define DLI_DIGIT_PIXELS (DLI_DIGIT_SIDE * DLI_DIGIT_SIDE)

/* The random numbers of one sample: words of Philox, in order. */
typedef struct { uint32_t key[2], counter[4], word[4]; int left; } dli_draws;

static double dli_draw(dli_draws *d, double low, double high)
{
    if (!d->left) {
        dl_philox(d->counter, d->key, d->word);
        d->counter[3]++;
        d->left = 4;
    }
    return low + (high - low) * ((d->word[--d->left] >> 8) * (1.0 / 16777216));
}

/* Lowers each pixel's squared distance to the pen's path by the segment a-b. */
static void dli_draw_segment(double *distance, double ax, double ay, double bx, double by, double reach)
{
    double dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    int x0 = (int)((ax < bx ? ax : bx) - reach), x1 = (int)((ax > bx ? ax : bx) + reach) + 1;
    int y0 = (int)((ay < by ? ay : by) - reach), y1 = (int)((ay > by ? ay : by) + reach) + 1, x, y;
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > DLI_DIGIT_SIDE) x1 = DLI_DIGIT_SIDE;
    if (y1 > DLI_DIGIT_SIDE) y1 = DLI_DIGIT_SIDE;
    for (y = y0; y < y1; y++)
        for (x = x0; x < x1; x++) {
            double px = x + 0.5 - ax, py = y + 0.5 - ay, t = length > 0 ? (px * dx + py * dy) / length : 0, d;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            px -= t * dx;
            py -= t * dy;
            d = px * px + py * py;
            if (d < distance[y * DLI_DIGIT_SIDE + x]) distance[y * DLI_DIGIT_SIDE + x] = d;
        }
}

typedef struct { uint64_t seed; dl_real *pixels; int32_t *labels; } dli_digit_job;

static void dli_draw_digit(void *arg, int64_t index, int worker)
{
    const dli_digit_job *job = (const dli_digit_job *)arg;
    dl_real *pixels = job->pixels + index * DLI_DIGIT_PIXELS;
    double distance[DLI_DIGIT_PIXELS], a, b, c, d, tilt, shift_x, shift_y, bend_x, bend_y, lean, pen, ink, noise;
    dli_draws r;
    int i, digit, style;
    size_t k;
    (void)worker;
    memset(&r, 0, sizeof r);
    r.key[0] = (uint32_t)job->seed; r.key[1] = (uint32_t)(job->seed >> 32);
    r.counter[0] = (uint32_t)index; r.counter[1] = (uint32_t)(index >> 32); r.counter[2] = 0x64696769u;
    digit = (int)dli_draw(&r, 0, 10);
    style = 1 + (int)dli_draw(&r, 0, 2);
    tilt = dli_draw(&r, -0.2, 0.2);                                    /* tan of half the angle: 23 degrees either way */
    a = (1 - tilt * tilt) / (1 + tilt * tilt);
    b = 2 * tilt / (1 + tilt * tilt);
    lean = dli_draw(&r, -0.3, 0.3);
    c = dli_draw(&r, 0.13, 0.27);                                      /* pixels for a percent of the box */
    d = dli_draw(&r, 0.16, 0.26);
    shift_x = 14 + dli_draw(&r, -2.5, 2.5);
    shift_y = 14 + dli_draw(&r, -2.5, 2.5);
    bend_x = dli_draw(&r, -0.008, 0.008);
    bend_y = dli_draw(&r, -0.008, 0.008);
    pen = dli_draw(&r, 0.7, 1.8);
    ink = dli_draw(&r, 0.5, 1);
    noise = dli_draw(&r, 0, 0.3);
    for (i = 0; i < DLI_DIGIT_PIXELS; i++) distance[i] = 100;
    for (k = 0; k < sizeof dli_strokes / sizeof *dli_strokes; k++) {
        const dli_stroke *s = &dli_strokes[k];
        double p[3][2], from_x = 0, from_y = 0;
        if (s->digit != digit || (s->style && s->style != style)) continue;
        for (i = 0; i < 3; i++) {
            double x = s->p[2 * i] - 50.0 + dli_draw(&r, -5, 5), y = s->p[2 * i + 1] - 50.0 + dli_draw(&r, -5, 5);
            double u = c * (x + bend_x * y * y - lean * y), v = d * (y + bend_y * x * x);
            p[i][0] = shift_x + a * u - b * v;
            p[i][1] = shift_y + b * u + a * v;
        }
        for (i = 0; i <= 8; i++) {
            double t = i / 8.0, x, y;
            x = (1 - t) * (1 - t) * p[0][0] + 2 * t * (1 - t) * p[1][0] + t * t * p[2][0];
            y = (1 - t) * (1 - t) * p[0][1] + 2 * t * (1 - t) * p[1][1] + t * t * p[2][1];
            if (i) dli_draw_segment(distance, from_x, from_y, x, y, pen + 1);
            from_x = x;
            from_y = y;
        }
    }
    for (i = 0; i < DLI_DIGIT_PIXELS; i++) {
        double v = ink * (pen + 0.5 - dli_sqrt64(distance[i]));        /* the edge is one pixel wide */
        v = v < 0 ? 0 : v > ink ? ink : v;
        v += noise * (dli_draw(&r, -0.5, 0.5) + dli_draw(&r, -0.5, 0.5));
        v = v < 0 ? 0 : v > 1 ? 1 : v;
        pixels[i] = (dl_real)((int)(v * 255 + 0.5) / 255.0);           /* as from a file of bytes */
    }
    job->labels[index] = digit;
}

DL_DEF dl_dataset *dl_data_drawn_digits(dl_ctx *c, int64_t n, uint64_t seed)
{
    dli_digit_job job;
    dl_tensor *x, *t;
    dl_dataset *d;
    int64_t shape[4];
    shape[0] = n; shape[1] = 1; shape[2] = shape[3] = DLI_DIGIT_SIDE;
    x = dli_leaf(c, "data_drawn_digits", DL_REAL, 4, shape, 1);
    t = dli_leaf(c, "data_drawn_digits", DL_INT32, 1, shape, 1);
    if (!c || c->failed) return DLI_NIL_DATASET;
    job.seed = seed;
    job.pixels = x->data;
    job.labels = t->idata;
    dli_parallel(c, n, dli_draw_digit, &job);
    d = dl_data_tensors(c, x, t);
    if (!c->failed) d->classes = 10;
    return d;
}

/* --- mini-batches --------------------------------------------------------------------------------- */
static const dl_loader dli_nil_loader = { DLI_NIL, DLI_NIL, 0, 0, 0, NULL, 0, 0, NULL };

DL_DEF dl_loader *dl_loader_create_with(dl_ctx *c, dl_dataset *d, dl_loader_create_opts o)
{
    dl_loader *l;
    if (!dli_check_dataset(c, "loader_create", d)) return (dl_loader *)&dli_nil_loader;
    if (o.batch_size == 0) o.batch_size = 1;
    if (o.batch_size < 0 || (o.drop_last && o.batch_size > d->size)) {
        dl_fail(c, "loader_create: batch size %l for %l samples", o.batch_size, d->size);
        return (dl_loader *)&dli_nil_loader;
    }
    l = (dl_loader *)dl_alloc_keep(c, sizeof *l);
    if (l && o.shuffle) l->order = (int32_t *)dl_alloc_keep(c, (size_t)d->size * sizeof *l->order);
    if (c->failed) return (dl_loader *)&dli_nil_loader;
    l->input = l->target = DLI_NIL;
    l->data = d;
    l->batch_size = o.batch_size;
    l->batches = (d->size - (o.drop_last ? o.batch_size - 1 : 0) - 1) / o.batch_size + 1;
    return l;
}

/* Rows order[first], order[first + 1], ... of x, or first, first + 1, ... if order is NULL, copied into the step. */
static dl_tensor *dli_gather_rows(dl_ctx *c, const dl_tensor *x, const int32_t *order, int64_t first, int64_t n)
{
    int64_t shape[DL_MAX_DIMS], i;
    size_t row = (size_t)(x->size / x->shape[0]) * dli_elem(x);
    const char *from = (const char *)dli_bytes_of(x);
    dl_tensor *y;
    char *to;
    memcpy(shape, x->shape, sizeof shape);
    shape[0] = n;
    y = dli_leaf(c, "next_batch", x->dtype, x->ndim, shape, 0);
    if (!y->size) return y;
    to = y->idata ? (char *)y->idata : (char *)y->data;
    if (!order) memcpy(to, from + (size_t)first * row, (size_t)n * row);
    else for (i = 0; i < n; i++) memcpy(to + (size_t)i * row, from + (size_t)order[first + i] * row, row);
    return y;
}

DL_DEF int dl_next_batch(dl_ctx *c, dl_loader *l)
{
    int64_t n;
    if (!c || c->failed) return 0;
    if (!l || !l->data) {
        dl_fail(c, "next_batch: the loader is %s", l ? "nil, the result of a failed call" : "NULL");
        return 0;
    }
    dl_step_begin(c);
    l->input = l->target = DLI_NIL;
    n = dli_min64(l->batch_size, l->data->size - l->position);
    if (l->position >= l->batches * l->batch_size || n <= 0) {
        l->position = 0;
        l->epoch++;
        return 0;
    }
    if (l->position == 0 && l->order) dli_permutation(c->seed, c->calls++, l->order, l->data->size);
    l->input = dli_gather_rows(c, l->data->inputs, l->order, l->position, n);
    l->target = dli_gather_rows(c, l->data->targets, l->order, l->position, n);
    l->index = l->position / l->batch_size;
    l->position += n;
    return !c->failed;
}

/* --- evaluation ------------------------------------------------------------------------------------ */
static dl_tensor *dli_usual_loss(dl_ctx *c, dl_tensor *output, dl_tensor *target, dl_real label_smoothing)
{
    dl_cross_entropy_opts o;
    dl_mse_loss_opts m;
    memset(&o, 0, sizeof o);
    memset(&m, 0, sizeof m);
    o.label_smoothing = label_smoothing;
    return target->dtype == DL_INT32 ? dl_cross_entropy_with(c, output, target, o) : dl_mse_loss_with(c, output, target, m);
}

/* Sums over batches, and their means.  A prediction is the class with the largest output. */
typedef struct { double loss; int64_t right, n; } dli_tally;

static void dli_tally_add(const dl_ctx *c, dli_tally *s, const dl_tensor *output, const dl_tensor *target, const dl_tensor *loss)
{
    int64_t i, n = target->shape[0];
    if (c->failed) return;
    s->loss += dl_item(loss) * (double)n;
    s->n += n;
    if (target->dtype != DL_INT32 || output->ndim != 2 || target->ndim != 1) return;
    for (i = 0; i < n; i++) s->right += c->k->argmax(output->data + i * output->shape[1], output->shape[1]) == target->idata[i];
}

static dl_scores dli_tally_mean(const dl_ctx *c, const dli_tally *s)
{
    dl_scores mean;
    int ok = c && !c->failed && s->n;
    mean.loss = ok ? s->loss / (double)s->n : dl_item(NULL);
    mean.accuracy = ok ? (double)s->right / (double)s->n : dl_item(NULL);
    return mean;
}

DL_DEF dl_scores dl_evaluate_with(dl_ctx *c, dl_module *m, dl_dataset *d, dl_evaluate_opts o)
{
    dli_tally sum = {0, 0, 0};
    int64_t at, n, size = o.batch_size > 0 ? o.batch_size : 256;
    int grad = dl_set_grad_enabled(c, 0), training = dl_set_training(c, 0);
    if (o.batch_size < 0) dl_fail(c, "evaluate: batch size %l", o.batch_size);
    if (dli_check_dataset(c, "evaluate", d))
        for (at = 0; at < d->size && !c->failed; at += size) {
            dli_mark mark = dli_arena_mark(&c->step);                  /* the caller's step goes on afterwards */
            dl_tensor *input, *target, *output, *loss;
            n = dli_min64(size, d->size - at);
            input = dli_gather_rows(c, d->inputs, NULL, at, n);
            target = dli_gather_rows(c, d->targets, NULL, at, n);
            output = dl_forward(c, m, input);
            loss = o.loss ? o.loss(c, output, target) : dli_usual_loss(c, output, target, 0);
            dli_tally_add(c, &sum, output, target, loss);
            dli_arena_release(&c->step, mark);
        }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, training);
    return dli_tally_mean(c, &sum);
}

/* --- progress on stderr: on a terminal one line that is written over, else one line per epoch and every 30 seconds ---- */
#ifndef DL_NO_STDIO
#include <time.h>
#if defined(_WIN32)
#include <io.h>
#define DLI_STDERR_IS_TERMINAL() _isatty(2)
#elif defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#define DLI_STDERR_IS_TERMINAL() isatty(2)
#else
#define DLI_STDERR_IS_TERMINAL() 0
#endif

typedef struct { int quiet, terminal, colour, epochs; int64_t size; double start, next; } dli_progress;

static double dli_seconds(void)                          /* wall clock; ISO C99 alone has whole seconds only */
{
#if defined(TIME_UTC)
    struct timespec t;
    if (timespec_get(&t, TIME_UTC) == TIME_UTC) return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
#elif DLI_OPENMP
    return omp_get_wtime();
#endif
    return (double)time(NULL);
}

static int dli_env(const char *name) { const char *v = getenv(name); return v && *v; }

static dli_progress dli_progress_create(int quiet, int epochs, int64_t size)
{
    dli_progress p;
    const char *term = getenv("TERM");
    p.quiet = quiet;
    p.terminal = DLI_STDERR_IS_TERMINAL() && !(term && !strcmp(term, "dumb"));
    p.colour = dli_env("CLICOLOR_FORCE") || (p.terminal && !dli_env("NO_COLOR"));
    p.epochs = epochs;
    p.size = size;
    p.start = p.next = 0;
    return p;
}

static void dli_progress_begin(dli_progress *p)
{
    p->start = dli_seconds();
    p->next = p->start + (p->terminal ? 0.1 : 30);
}

/* done of size samples are through; final, or NULL: the scores on the validation data, at the end of the epoch. */
static void dli_progress_show(dli_progress *p, int epoch, int64_t done, dl_scores now, const dl_scores *final, int end)
{
    enum { WIDTH = 20 };
    char bar[WIDTH + 1];
    double time = p->quiet ? 0 : dli_seconds(), elapsed = time - p->start;
    int full = (int)(done * WIDTH / p->size), i;
    if (p->quiet || (!end && time < p->next)) return;
    p->next = time + (p->terminal ? 0.1 : 30);
    for (i = 0; i < WIDTH; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[WIDTH] = 0;
    fprintf(stderr, "%sepoch %d/%d ", p->terminal ? "\r" : "", epoch, p->epochs);
    if (p->terminal && !end) fprintf(stderr, p->colour ? "\033[32m[%s]\033[0m " : "[%s] ", bar);
    fprintf(stderr, "%lld/%lld  %.1f s", (long long)done, (long long)p->size, elapsed);
    if (!end) fprintf(stderr, ", %.1f s left", elapsed / (double)done * (double)(p->size - done));
    if (elapsed > 0) fprintf(stderr, ", %.0f/s", (double)done / elapsed);
    fprintf(stderr, ", loss %.4f", now.loss);
    if (end) fprintf(stderr, ", accuracy %.4f", now.accuracy);
    if (final) fprintf(stderr, "; validation loss %.4f, accuracy %.4f", final->loss, final->accuracy);
    fprintf(stderr, "%s%s", p->terminal ? "\033[K" : "", end || !p->terminal ? "\n" : "");
    fflush(stderr);
}
#else
typedef struct { int quiet; } dli_progress;
static dli_progress dli_progress_create(int quiet, int epochs, int64_t size)
{
    dli_progress p;
    (void)epochs; (void)size;
    p.quiet = quiet;
    return p;
}
static void dli_progress_begin(dli_progress *p) { (void)p; }
static void dli_progress_show(dli_progress *p, int epoch, int64_t done, dl_scores now, const dl_scores *final, int end)
{ (void)p; (void)epoch; (void)done; (void)now; (void)final; (void)end; }
#endif

/* --- training --------------------------------------------------------------------------------------- */
DL_DEF dl_scores dl_fit_with(dl_ctx *c, dl_module *m, dl_optim *o, dl_dataset *train, dl_fit_opts opts)
{
    dl_loader_create_opts how = {0, 0, 0, 0};
    dl_backward_opts whole = {NULL, 0};
    dl_evaluate_opts plain = {0, NULL, 0};
    dl_scores scores, validation;
    dli_progress progress;
    dl_loader *batches;
    dl_real lr = dl_optim_lr(o);
    int epochs = opts.epochs ? opts.epochs : 1, epoch, grad, training;
    int64_t step = 0, last;
    how.batch_size = opts.batch_size ? opts.batch_size : 64;
    how.shuffle = !opts.no_shuffle;
    plain.loss = opts.loss;
    scores.loss = scores.accuracy = dl_item(NULL);
    if (epochs < 0 || !(opts.clip_norm >= 0) || !(opts.final_lr >= 0))
        dl_fail(c, "fit: epochs %d, clip_norm %g, final_lr %g", epochs, opts.clip_norm, (double)opts.final_lr);
    batches = dl_loader_create_with(c, train, how);
    if (!c || c->failed) return scores;
    progress = dli_progress_create(opts.quiet, epochs, train->size);
    last = dli_max64(epochs * batches->batches - 1, 1);
    grad = dl_set_grad_enabled(c, 1);
    training = dl_set_training(c, 1);
    for (epoch = 0; epoch < epochs && !c->failed; epoch++) {
        dli_tally sum = {0, 0, 0};
        dli_progress_begin(&progress);
        while (dl_next_batch(c, batches)) {
            dl_tensor *output = dl_forward(c, m, batches->input);
            dl_tensor *loss = opts.loss ? opts.loss(c, output, batches->target)
                                        : dli_usual_loss(c, output, batches->target, opts.label_smoothing);
            dl_backward_with(c, loss, whole);
            if (opts.clip_norm > 0) dl_clip_grad_norm(c, m, opts.clip_norm);
            dli_tally_add(c, &sum, output, batches->target, loss);
            if (opts.final_lr > 0) dl_optim_set_lr(o, lr + (opts.final_lr - lr) * ((dl_real)step++ / (dl_real)last));
            dl_optim_step(c, o);
            if (!c->failed) dli_progress_show(&progress, epoch + 1, sum.n, dli_tally_mean(c, &sum), NULL, 0);
        }
        scores = dli_tally_mean(c, &sum);
        if (opts.validation) validation = dl_evaluate_with(c, m, opts.validation, plain);
        if (!c->failed) dli_progress_show(&progress, epoch + 1, sum.n, scores, opts.validation ? &validation : NULL, 1);
        if (opts.validation) scores = validation;
    }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, training);
    return scores;
}

/* ================================================================================================
   >>debug       printing
   ================================================================================================ */
#ifndef DL_NO_STDIO
#define DLI_PRINT_ALL  1000         /* larger tensors are abridged: */
#define DLI_PRINT_EDGE 3            /* the first and last so many of each axis */

/* How all numbers of one tensor are printed, so that columns line up and nothing that matters is lost. */
typedef struct { int width, whole, scientific, abridged; } dli_print_format;

static int dli_print_number(char *s, size_t size, const dl_tensor *x, int64_t i, const dli_print_format *f)
{
    double v = x->dtype == DL_INT32 ? (double)x->idata[i] : (double)x->data[i];
    if (x->dtype == DL_INT32 || v - v != 0) return snprintf(s, size, "%*.0f", f->width, v);        /* whole, infinite or NaN */
    if (f->scientific) return snprintf(s, size, "%*.4e", f->width, v);
    return f->whole ? snprintf(s, size, "%*.0f.", f->width - 1, v) : snprintf(s, size, "%*.4f", f->width, v);
}

/* f for each number that is shown: index k of axis d is skipped in the middle of an abridged tensor. */
static int64_t dli_print_skip(const dl_tensor *x, const dli_print_format *f, int d, int64_t k)
{
    return f->abridged && x->shape[d] > 2 * DLI_PRINT_EDGE && k == DLI_PRINT_EDGE ? x->shape[d] - DLI_PRINT_EDGE : k;
}

typedef void dli_print_visit(void *arg, const dl_tensor *x, int64_t i, const dli_print_format *f);

static void dli_print_each(const dl_tensor *x, const dli_print_format *f, int d, int64_t i, dli_print_visit *visit, void *arg)
{
    int64_t k;
    if (d == x->ndim) { visit(arg, x, i, f); return; }
    for (k = 0; (k = dli_print_skip(x, f, d, k)) < x->shape[d]; k++) dli_print_each(x, f, d + 1, i * x->shape[d] + k, visit, arg);
}

typedef struct { int whole; double least, most; } dli_print_range;         /* of the absolute values, 0 left out */

static void dli_print_measure(void *arg, const dl_tensor *x, int64_t i, const dli_print_format *f)
{
    dli_print_range *r = (dli_print_range *)arg;
    double v = (double)x->data[i] < 0 ? -(double)x->data[i] : (double)x->data[i];
    (void)f;
    if (v == 0 || !(v <= 1.7976931348623157e308)) return;
    if (v >= 1e8 || v != (double)(int64_t)v) r->whole = 0;
    if (v < r->least) r->least = v;
    if (v > r->most) r->most = v;
}

static void dli_print_widest(void *arg, const dl_tensor *x, int64_t i, const dli_print_format *f)
{
    char s[64];
    int n = dli_print_number(s, sizeof s, x, i, f);
    if (n > *(int *)arg) *(int *)arg = n;
}

static dli_print_format dli_print_choose(const dl_tensor *x)
{
    dli_print_format f = {0, 0, 0, 0};
    dli_print_range r = {1, 1e308, 0};
    int widest = 0;
    f.abridged = x->size > DLI_PRINT_ALL;
    if (x->dtype == DL_REAL) {
        dli_print_each(x, &f, 0, 0, dli_print_measure, &r);
        f.whole = r.whole;
        f.scientific = !r.whole && (r.most >= 1e8 || r.least < 1e-4 || r.most / r.least > 1e5);
    }
    dli_print_each(x, &f, 0, 0, dli_print_widest, &widest);
    f.width = widest;
    return f;
}

static void dli_print_axis(FILE *out, const dl_tensor *x, const dli_print_format *f, int d, int64_t i)
{
    char s[64];
    int64_t k, next;
    int line;
    if (d == x->ndim) {
        dli_print_number(s, sizeof s, x, i, f);
        fputs(s, out);
        return;
    }
    fputc('[', out);
    for (k = 0; k < x->shape[d]; k = next) {
        int skipped = (next = dli_print_skip(x, f, d, k)) != k;
        if (skipped) fputs("...", out);
        else { dli_print_axis(out, x, f, d + 1, i * x->shape[d] + k); next++; }
        if (next == x->shape[d]) break;
        fputs(d == x->ndim - 1 ? ", " : ",", out);
        for (line = d; line < x->ndim - 1; line++) fputc('\n', out);           /* an empty line between matrices */
        if (d < x->ndim - 1) fprintf(out, "%*s", d + 1, "");
    }
    fputc(']', out);
}

DL_DEF void dl_fprint(FILE *out, const dl_tensor *x)
{
    dli_print_format f;
    char shape[256];
    dli_text text;
    if (!out) return;
    if (dl_is_nil(x)) { fputs(x ? "nil\n" : "NULL\n", out); return; }
    f = dli_print_choose(x);
    dli_print_axis(out, x, &f, 0, 0);
    text.p = shape; text.left = sizeof shape;
    dli_put_shape(&text, x);
    fprintf(out, "  %s %s\n", shape, x->dtype == DL_INT32 ? "int32" : sizeof(dl_real) == 8 ? "double" : "float");
}

DL_DEF void dl_print(const dl_tensor *x) { dl_fprint(stdout, x); }

/* --- summary: what dl_forward noted while one sample went through ----------------------------------- */
static void dli_print_size(char *s, size_t size, double bytes)
{
    static const char unit[] = "BKMGT";
    int i = 0;
    for (; bytes >= 1024 && i < 4; i++) bytes /= 1024;
    snprintf(s, size, i ? "%.1f %cB" : "%.0f %c", bytes, unit[i]);
}

static void dli_print_row(const dli_row *r, int base)
{
    char name[64], shape[256], memory[32], params[32] = "", macs[32] = "";
    dli_text text;
    int64_t own = 0;
    int i;
    for (i = 0; i < r->module->nparams; i++) own += r->module->params[i].is_buffer ? 0 : r->module->params[i].tensor->size;
    snprintf(name, sizeof name, "%*s%s%s%s", 2 * (r->depth - base), "", r->module->name, *r->module->name ? ": " : "",
             r->module->type->name);
    text.p = shape; text.left = sizeof shape;
    dli_put_shape(&text, r->y);
    dli_print_size(memory, sizeof memory, (double)r->y->size * (double)dli_elem(r->y));
    if (own) snprintf(params, sizeof params, "%lld", (long long)own);
    if (r->macs && !r->module->nchildren) snprintf(macs, sizeof macs, "%lld", (long long)r->macs);
    printf("%-28s %-20s %12s %14s %10s\n", name, shape, params, macs, r->module->nchildren ? "" : memory);
}

DL_DEF void dl_summary(dl_ctx *c, dl_module *m, dl_dataset *d)
{
    dli_row *first = NULL, *r;
    dl_tensor *x;
    char memory[32];
    double bytes = 0;
    int grad, training, base;
    dli_mark mark;
    if (!dli_check_module(c, "summary", m) || !dli_check_dataset(c, "summary", d)) return;
    mark = dli_arena_mark(&c->step);
    grad = dl_set_grad_enabled(c, 1);                    /* recorded, so that the multiply-adds can be counted */
    training = dl_set_training(c, 0);
    base = c->depth;
    x = dli_gather_rows(c, d->inputs, NULL, 0, 1);
    if (x->data) x->requires_grad = 1;
    {
        dl_tensor *tape = c->tape;
        c->watch = &first;
        dl_forward(c, m, x);
        c->watch = NULL;
        c->tape = tape;
    }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, training);
    if (!c->failed) {
        printf("%-28s %-20s %12s %14s %10s\n", "layer", "output of a sample", "parameters", "multiply-adds", "memory");
        for (r = first; r; r = r->next) {
            dli_print_row(r, base);
            if (!r->module->nchildren) bytes += (double)r->y->size * (double)dli_elem(r->y);
        }
        dli_print_size(memory, sizeof memory, bytes);
        printf("%-28s %-20s %12lld %14lld %10s\n", "total", "", (long long)dl_param_count(m), (long long)first->macs, memory);
    }
    dli_arena_release(&c->step, mark);
}
#endif

#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__)
#pragma GCC pop_options
#elif defined(__clang__)
#pragma float_control(pop)
#endif
#endif /* DL_IMPLEMENTATION */
#else  /* DLI_ISA */

/* ================================================================================================
   >>simd        compiled once per instruction set: vocabulary, functions, kernels
   ================================================================================================ */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__)
#pragma GCC push_options            /* fast without any -O flag; never contract a * b + c */
#ifdef DLI_ASAN                     /* the sanitizers make optimizing take minutes */
#pragma GCC optimize("fp-contract=off", "no-math-errno", "no-trapping-math")
#elif DLI_ISA == 0 && DLI_X86       /* the reference, seldom run here: compile time counts for more */
#pragma GCC optimize("Os", "fp-contract=off", "no-math-errno", "no-trapping-math")
#else                               /* O3 would be 0 to 3 % faster and cost half a second more to compile */
#pragma GCC optimize("O2", "tree-vectorize", "vect-cost-model=dynamic", "fp-contract=off", "no-math-errno", "no-trapping-math")
#endif
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
#if defined(__GNUC__) && !defined(__TINYC__)
#define DLI_PREFETCH(p) __builtin_prefetch(p)
#else
#define DLI_PREFETCH(p) ((void)(p))
#endif

/* fma(a, b, c) = a * b + c, rounded once, on every machine.  Without the instruction: the product of two floats is exact in
   double; its sum s with c is rounded to odd (Boldo and Melquiond 2008), so that rounding to float again does no harm: if it
   has an error e and an even last bit, it moves one step toward e.  Signs are read as bits, which SSE2 can vectorize. */
#define dli_fma DLI_FN(dli_fma)
#ifdef DL_DOUBLE
DLI_V double dli_fma(double a, double b, double c) { return a * b + c; }
#elif DLI_HAS_FMA || defined(__FP_FAST_FMAF)
DLI_V float dli_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
DLI_V float dli_fma(float a, float b, float c)
{
    double p = (double)a * b, s = p + c, t = s - p, e = (p - (s - t)) + (c - t);
    double out = e * s + 0.0, in = 0.0 - out;       /* > 0: the exact sum is farther from 0; nearer to 0 */
    uint64_t bits, o, i;
    memcpy(&bits, &s, 8); memcpy(&o, &out, 8); memcpy(&i, &in, 8);
    bits += ((i >> 63) - (o >> 63)) & ((bits & 1) - 1);
    memcpy(&s, &bits, 8);
    return (float)s;
}
#endif

/* The vocabulary: 16 lanes.  load_n, store_n: the lanes below n, any n < 2^31; the others read as fill.  sum, hmax, hmin: the
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
DLI_V __mmask16 dli_mask_avx512(int64_t n)
{
    return _mm512_cmpgt_epi32_mask(_mm512_set1_epi32((int)n), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
DLI_V dlv  dlv_load(const float *p) { return _mm512_loadu_ps(p); }
DLI_V dlv  dlv_load_n(const float *p, int64_t n, float fill) { return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), dli_mask_avx512(n), p); }
DLI_V void dlv_store(float *p, dlv x) { _mm512_storeu_ps(p, x); }
DLI_V void dlv_store_n(float *p, dlv x, int64_t n) { _mm512_mask_storeu_ps(p, dli_mask_avx512(n), x); }
DLI_V dlv  dlv_set(float x) { return _mm512_set1_ps(x); }
DLI_V dlv  dlv_add(dlv x, dlv y) { return _mm512_add_ps(x, y); }
DLI_V dlv  dlv_sub(dlv x, dlv y) { return _mm512_sub_ps(x, y); }
DLI_V dlv  dlv_mul(dlv x, dlv y) { return _mm512_mul_ps(x, y); }
DLI_V dlv  dlv_div(dlv x, dlv y) { return _mm512_div_ps(x, y); }
DLI_V dlv  dlv_max(dlv x, dlv y) { return _mm512_mask_max_ps(x, 0xFFFF, x, y); }       /* g++ warns of _mm512_max_ps */
DLI_V dlv  dlv_min(dlv x, dlv y) { return _mm512_mask_min_ps(x, 0xFFFF, x, y); }
DLI_V dlv  dlv_fma(dlv x, dlv y, dlv z) { return _mm512_fmadd_ps(x, y, z); }
/* maskz_extract: g++ 12 warns about _mm512_castps512_ps256 */
#define DLI_TREE16(f, f4, fs, x)                                                                   \
    __m256 s = f(_mm512_maskz_extractf32x8_ps(255, x, 0), _mm512_extractf32x8_ps(x, 1));                         \
    __m128 t = f4(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));                         \
    t = f4(t, _mm_movehl_ps(t, t));                                                                \
    return _mm_cvtss_f32(fs(t, _mm_shuffle_ps(t, t, 1)))
DLI_V float dlv_sum(dlv x)  { DLI_TREE16(_mm256_add_ps, _mm_add_ps, _mm_add_ss, x); }
DLI_V float dlv_hmax(dlv x) { DLI_TREE16(_mm256_max_ps, _mm_max_ps, _mm_max_ss, x); }
DLI_V float dlv_hmin(dlv x) { DLI_TREE16(_mm256_min_ps, _mm_min_ps, _mm_min_ss, x); }
#endif

/* --- >>math: functions from IEEE operations alone ------------------------------------------------
   Plain C without branches or libm, which the compiler vectorizes; the same bits on every instruction set.  Polynomials are
   minimax fits made for this file.  max: the largest error over all floats, in units of the last place of the result. */
#define dli_sqrt    DLI_FN(dli_sqrt)
#define dli_exp     DLI_FN(dli_exp)
#define dli_expm1   DLI_FN(dli_expm1)
#define dli_log     DLI_FN(dli_log)
#define dli_log1p   DLI_FN(dli_log1p)
#define dli_sin     DLI_FN(dli_sin)
#define dli_cos     DLI_FN(dli_cos)
#define dli_tanh    DLI_FN(dli_tanh)
#define dli_sigmoid DLI_FN(dli_sigmoid)
#define dli_erf     DLI_FN(dli_erf)
#define dli_pow     DLI_FN(dli_pow)

#ifdef DL_DOUBLE
DLI_V double dli_sqrt(double x)          { return sqrt(x); }
DLI_V double dli_exp(double x)           { return exp(x); }
DLI_V double dli_expm1(double x)         { return expm1(x); }
DLI_V double dli_log(double x)           { return log(x); }
DLI_V double dli_log1p(double x)         { return log1p(x); }
DLI_V double dli_sin(double x)           { return sin(x); }
DLI_V double dli_cos(double x)           { return cos(x); }
DLI_V double dli_tanh(double x)          { return tanh(x); }
DLI_V double dli_sigmoid(double x)       { const double e = exp(x < 0 ? x : -x); return (x < 0 ? e : 1) / (1 + e); }
DLI_V double dli_erf(double x)           { return erf(x); }
DLI_V double dli_pow(double x, double y) { return pow(x, y); }
#else
#define dli_bits    DLI_FN(dli_bits)
#define dli_float   DLI_FN(dli_float)
#define dli_abs     DLI_FN(dli_abs)
#define dli_sign    DLI_FN(dli_sign)
#define dli_cubic   DLI_FN(dli_cubic)
#define dli_exp_parts DLI_FN(dli_exp_parts)
#define dli_exp_split DLI_FN(dli_exp_split)
#define dli_exp_near  DLI_FN(dli_exp_near)
#define dli_log_f   DLI_FN(dli_log_f)
#define dli_sincos  DLI_FN(dli_sincos)
#define dli_whole   DLI_FN(dli_whole)
#define DLI_INF     dli_float(0x7F800000u)
#define DLI_NAN     dli_float(0x7FC00000u)
#define DLI_LARGEST 3.40282347e38f
#define DLI_RINT    12582912.0f     /* 1.5 2^23: x + DLI_RINT is rounded to an integer, which its low bits hold */

DLI_V uint32_t dli_bits(float x)           { uint32_t u; memcpy(&u, &x, 4); return u; }
DLI_V float    dli_float(uint32_t u)       { float x; memcpy(&x, &u, 4); return x; }
DLI_V float    dli_abs(float x)            { return dli_float(dli_bits(x) & 0x7FFFFFFFu); }
DLI_V float    dli_sign(float y, float x)  { return dli_float(dli_bits(y) | (dli_bits(x) & 0x80000000u)); }   /* y >= 0 */

/* a + b x + c x^2 + d x^3; not Horner's scheme, because the shorter chain of operations is faster */
DLI_V float dli_cubic(float x, float x2, float a, float b, float c, float d)
{
    return dli_fma(dli_fma(d, x, c), x2, dli_fma(b, x, a));
}

/* sqrt(x), max 0.5.  y -> 1 / sqrt(x) by Newton's steps; then s = x y and h = y / 2 together (Goldschmidt), and the exact
   remainder x - s^2 rounds s correctly (Markstein 1990). */
DLI_V float dli_sqrt(float x)
{
    const int   tiny = x < 1e-30f;
    const float v = tiny ? x * 18446744073709551616.0f : x;     /* 2^64 */
    float y = dli_float(0x5F375A40u - (dli_bits(v) >> 1)), s, h, e;
    y = y * dli_fma(-0.5f * v * y, y, 1.5f);
    y = y * dli_fma(-0.5f * v * y, y, 1.5f);
    s = v * y;
    h = 0.5f * y;
    e = dli_fma(-s, h, 0.5f);
    s = dli_fma(s, e, s);
    h = dli_fma(h, e, h);
    s = dli_fma(dli_fma(-s, s, v), h, s);
    s = tiny ? s * 2.3283064365386963e-10f : s;                 /* 2^-32 */
    s = x > DLI_LARGEST ? x : s;
    s = x == 0 ? x : s;
    return x >= 0 ? s : DLI_NAN;
}

/* exp(x) = 2^n (1 + r + low + r^2 q), abs r <= ln 2 / 2, for abs x < 2^20; bits: those of DLI_RINT + n */
typedef struct { uint32_t bits; float r, low, r2, q; } dli_exp_parts;
DLI_V dli_exp_parts dli_exp_split(float x)
{
    const float t = dli_fma(x, 1.44269504f, DLI_RINT), n = t - DLI_RINT, r = dli_fma(n, -0.693147182f, x), r2 = r * r;
    const float q = dli_fma(r, dli_fma(r, 1.38706935e-3f, 8.36627092e-3f), 4.16674353e-2f), low = n * 1.90465421e-9f;
    dli_exp_parts e;
    e.bits = dli_bits(t);
    e.r = r;
    e.low = dli_fma(low, r, low);                                /* ln 2 in two parts leaves r + low; exp(low) = 1 + low */
    e.r2 = r2;
    e.q = dli_fma(r2, q, dli_fma(r, 0.166665465f, 0.49999997f));
    return e;
}

/* exp(x), max 0.89: 2^n is applied in two halves, so that subnormal results are rounded once */
DLI_V float dli_exp(float x)
{
    const dli_exp_parts e = dli_exp_split(x);
    const float high = 1 + e.r, low = (1 - high) + e.r;
    const uint32_t half = (e.bits << 22) & 0xFF800000u;
    float y = high + dli_fma(e.r2, e.q, low + e.low);
    y = dli_float(dli_bits(y) + half) * dli_float((e.bits << 23) - half + 0x3F800000u);
    y = x < -105.0f ? 0 : y;
    return x <= 89.0f ? y : x + DLI_INF;
}

/* the same for -87 < x < 88 or NaN, a little less exact; else nonsense */
DLI_V float dli_exp_near(float x)
{
    const dli_exp_parts e = dli_exp_split(x);
    return (1 + dli_fma(e.r2, e.q, e.r + e.low)) * dli_float((e.bits << 23) + 0x3F800000u);
}

/* exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + 2^(n-1) - 1/2), max 1.15 */
DLI_V float dli_expm1(float x)
{
    const dli_exp_parts e = dli_exp_split(x);
    const float s = dli_float((e.bits + 126) << 23), c = s - 0.5f, high = dli_fma(s, e.r, c);
    float y = 2 * (high + dli_fma(s, dli_fma(e.r2, e.q, e.low), dli_fma(s, e.r, c - high)));
    y = x > 89.0f ? DLI_INF : y;
    y = x < -18.0f ? -1 : y;
    return dli_abs(x) < 1e-8f ? x : y;
}

/* e ln 2 + log(1 + f + c), sqrt(1/2) <= 1 + f <= sqrt(2), c tiny: the leading sum is carried with its rounding error */
DLI_V float dli_log_f(float e, float f, float c)
{
    const float ln2 = 0.693176270f, rest = -2.90889711e-5f;      /* e ln2 is exact */
    const float high = dli_fma(e, ln2, f), low = dli_fma(e, ln2, -high) + f, f2 = f * f, f4 = f2 * f2;
    float q = dli_cubic(f, f2, 0.142015755f, -0.131596833f, 0.127623081f, -7.63630942e-2f);
    q = dli_fma(f4, q, dli_cubic(f, f2, 0.333333313f, -0.250008196f, 0.200012416f, -0.166234046f));
    q = dli_fma(f, q, -0.5f);
    return high + (dli_fma(f2, q, dli_fma(e, rest, c)) + low);
}

/* log(x), max 0.90: x = 2^e (1 + f) */
DLI_V float dli_log(float x)
{
    const int   tiny = x < 1.17549435e-38f;
    const uint32_t u = dli_bits(tiny ? x * 8388608.0f : x) - 0x3F3504F3u + (128u << 23);    /* the bits of sqrt(1/2) */
    const float e = (float)(int32_t)(u >> 23) - (tiny ? 151.0f : 128.0f);
    float y = dli_log_f(e, dli_float((u & 0x7FFFFFu) + 0x3F3504F3u) - 1, 0);
    y = x > DLI_LARGEST ? x : y;
    y = x == 0 ? -DLI_INF : y;
    return x >= 0 ? y : DLI_NAN;
}

/* log(1 + x), max 0.97: u = 1 + x rounded = 2^e (1 + m); 2 c is its rounding error */
DLI_V float dli_log1p(float x)
{
    const float u = 1 + x, x1 = u - 1, c = 0.5f * ((1 - (u - x1)) + (x - x1));
    const uint32_t n = dli_bits(u) - 0x3F3504F3u + (128u << 23), k = n >> 23;
    const float e = (float)(int32_t)k - 128.0f, scale = dli_float((256 - k) << 23);     /* 2^(1-e) */
    const float m = dli_float((n & 0x7FFFFFu) + 0x3F3504F3u) - 1, f = dli_fma(c, scale, m);
    float y = dli_log_f(e, f, dli_fma(c, scale, m - f));
    y = x > DLI_LARGEST ? x : y;
    y = x == -1 ? -DLI_INF : y;
    y = dli_abs(x) < 1e-8f ? x : y;
    return x >= -1 ? y : DLI_NAN;
}

/* tanh(x), max 1.06: an odd polynomial; 1 - 2 / (exp(2 x) + 1) */
DLI_V float dli_tanh(float x)
{
    const float a = dli_abs(x), u = a * a, large = 1 - 2 / (dli_exp_near(a + a) + 1);
    float q = dli_fma(u, 1.58703874e-3f, -7.41417008e-3f);
    q = dli_fma(u, q, 2.13065259e-2f);
    q = dli_fma(u, q, -5.38535975e-2f);
    q = dli_fma(u, q, 0.133322418f);
    q = dli_fma(u, q, -0.333332986f);
    q = a < 0.8f ? dli_fma(a * u, q, a) : large;
    return dli_sign(a > 10.0f ? 1 : q, x);
}

/* 1 / (1 + exp(-x)), max 1.97: 1 - q or q = e / s, s = 1 + e, e = exp(-abs x); q is corrected for the rounding error of s */
DLI_V float dli_sigmoid(float x)
{
    const float e = dli_exp(-dli_abs(x)), s = 1 + e;
    float q = e / s;
    q = dli_fma(dli_fma(q, q, -q), e - (s - 1), q);
    return x < 0 ? q : 1 - q;
}

/* erf(x), max 1.35: an odd polynomial or 1 - exp(-p(x)), whose polynomials have the same degree */
DLI_V float dli_erf(float x)
{
    const float a = dli_abs(x);
    const int   small = a < 1.0f;
    const float u = small ? a * a : a, u2 = u * u;
    const float c0 = small ? 0.128379166f    : 3.41519393e-4f;
    const float c1 = small ? -0.376126260f   : 1.12708926f;
    const float c2 = small ? 0.112835787f    : 0.638144612f;
    const float c3 = small ? -2.68533472e-2f : 0.103107035f;
    const float c4 = small ? 5.18716220e-3f  : -2.18382385e-2f;
    const float c5 = small ? -7.99785310e-4f : 2.94771022e-3f;
    const float c6 = small ? 7.8069032e-5f   : -1.86384985e-4f;
    const float p = dli_fma(u2 * u2, dli_fma(u2, c6, dli_fma(u, c5, c4)), dli_cubic(u, u2, c0, c1, c2, c3));
    const float y = small ? dli_fma(a, p, a) : 1 - dli_exp_near(-p);
    return dli_sign(a > 4.0f ? 1 : y, x);
}

/* sin(x), cos(x), max 0.57 to abs x = 2^24, an absolute error of abs x 2^-53 beyond, and something between -1 and 1 beyond 2^50.
   x = n pi / 2 + r, abs r <= pi / 4, in double: its extra digits are all that these and pow need. */
DLI_V float dli_sincos(float x, uint64_t quarter)
{
    const double rint = 6755399441055744.0, t = x * 0.63661977236758138 + rint, n = t - rint;   /* 1.5 2^52 */
    double r = (x - n * 1.570796325802803) - n * 9.920935796805404e-10, u, sine, cosine, y;
    uint64_t bits;
    memcpy(&bits, &t, 8);
    bits += quarter;
    r = r > 0.8 ? 0.8 : r < -0.8 ? -0.8 : r;
    u = r * r;
    sine = r + r * u * (-0.16666654602239503 + u * (0.008332160290123467 + u * -0.00019515217921572004));
    cosine = 0.041666620328728816 + u * (-0.0013886680750010323 + u * 2.4383482736570553e-05);
    cosine = 1 + u * (-0.4999999969422457 + u * cosine);
    y = bits & 1 ? cosine : sine;
    return (float)(bits & 2 ? -y : y);
}
DLI_V float dli_sin(float x) { return dli_sincos(x, 0); }
DLI_V float dli_cos(float x) { return dli_sincos(x, 1); }

DLI_V int dli_whole(float a) { return (a >= 8388608.0f) | ((a + 8388608.0f) - 8388608.0f == a); }     /* a >= 0 is an integer */

/* x^y = 2^(y log2 abs x), with C99's special cases, max 0.51.  abs x = 2^e m; log2 m = 2 / ln 2 atanh((m - 1) / (m + 1)). */
DLI_V float dli_pow(float x, float y)
{
    const float a = dli_abs(x), b = dli_abs(y);
    const int   tiny = a < 1.17549435e-38f, integer = dli_whole(b), odd = integer & !dli_whole(b * 0.5f);
    const uint32_t n = dli_bits(tiny ? a * 8388608.0f : a) - 0x3F3504F3u + (128u << 23);
    const float e = (float)(int32_t)(n >> 23) - (tiny ? 151.0f : 128.0f);
    const double rint = 6755399441055744.0, m = dli_float((n & 0x7FFFFFu) + 0x3F3504F3u), s = (m - 1) / (m + 1), u = s * s;
    double p = 0.11088087608016294 + u * 0.09792175522690189, t, r;
    uint64_t bits;
    float z;
    p = 0.33333333337904636 + u * (0.19999997809474399 + u * (0.14286054736139367 + u * p));
    p = e + 2.8853900817779268 * (s + s * u * p);
    p = a > DLI_LARGEST ? a : p;
    p = a == 0 ? -DLI_INF : p;
    p *= y;
    p = p < -200 ? -200 : p;
    p = p > 200 ? 200 : p;
    t = p + rint;
    r = p - (t - rint);
    p = 0.0013333935356991122 + r * (0.00015466781533507272 + r * 1.5196133905327237e-05);
    p = 0.6931471807047632 + r * (0.24022651067003398 + r * (0.055504103653911285 + r * (0.00961803805958672 + r * p)));
    memcpy(&bits, &t, 8);
    bits = (bits + 1023) << 52;
    memcpy(&t, &bits, 8);
    z = (float)(t * (1 + r * p));
    z = a == 1 ? 1 : z;
    z = ((x < 0) & !integer & (a <= DLI_LARGEST)) ? DLI_NAN : z;
    z = dli_float(dli_bits(z) ^ (odd ? dli_bits(x) & 0x80000000u : 0));
    z = ((x != x) | (y != y)) ? DLI_NAN : z;
    return ((x == 1) | (y == 0)) ? 1 : z;
}
#undef DLI_INF
#undef DLI_NAN
#undef DLI_LARGEST
#undef DLI_RINT
#endif

/* --- rows ---------------------------------------------------------------------------------------
   Sums: in a block of 4096, element i goes to accumulator (i / 16) mod 4, lane i mod 16; accumulators, lanes (dlv_sum)
   and then blocks are joined by fixed binary trees: the error grows with log n. */
#define DLI_FULL(p, j, fill)   dlv_load(p + j)
#define DLI_PART(p, j, fill)   dlv_load_n(p + j, n - j, fill)
#define DLI_SUM_BLOCK(TERM)                                                                        \
    dlv s0 = dlv_set(0), s1 = s0, s2 = s0, s3 = s0;                                                \
    int64_t i = 0;                                                                                 \
    for (; i + 64 <= n; i += 64) {                                                                 \
        TERM(s0, i, DLI_FULL);      TERM(s1, i + 16, DLI_FULL);                                    \
        TERM(s2, i + 32, DLI_FULL); TERM(s3, i + 48, DLI_FULL);                                    \
    }                                                                                              \
    if (i      < n) TERM(s0, i, DLI_PART);                                                         \
    if (i + 16 < n) TERM(s1, i + 16, DLI_PART);                                                    \
    if (i + 32 < n) TERM(s2, i + 32, DLI_PART);                                                    \
    if (i + 48 < n) TERM(s3, i + 48, DLI_PART);                                                    \
    return dlv_sum(dlv_add(dlv_add(s0, s1), dlv_add(s2, s3)))

#define DLI_TERM(s, j, LOAD) s = dlv_add(s, LOAD(x, (j), 0))
DLI_V dl_real DLI_FN(dli_sum_block)(const dl_real *x, int64_t n) { DLI_SUM_BLOCK(DLI_TERM); }
#undef DLI_TERM
#define DLI_TERM(s, j, LOAD) s = dlv_fma(LOAD(x, (j), 0), LOAD(y, (j), 0), s)
DLI_V dl_real DLI_FN(dli_dot_block)(const dl_real *x, const dl_real *y, int64_t n) { DLI_SUM_BLOCK(DLI_TERM); }
#undef DLI_TERM
#define DLI_TERM(s, j, LOAD) { dlv d = dlv_mul(dlv_set(scale), dlv_sub(LOAD(x, (j), shift), dlv_set(shift))); s = dlv_fma(d, d, s); }
DLI_V dl_real DLI_FN(dli_squares_block)(const dl_real *x, dl_real shift, dl_real scale, int64_t n) { DLI_SUM_BLOCK(DLI_TERM); }
#undef DLI_TERM

/* The sum of block(i, m) over the blocks x[i .. i + m).  part holds the sums of 2^a, 2^b, .. blocks, a > b > ..: as adding
   one to a binary number carries, two equal neighbours become one. */
#define DLI_SUM_BLOCKS(block)                                                                      \
    dl_real part[52];                                                                              \
    int64_t i, m, k;                                                                               \
    int top = 0;                                                                                   \
    for (i = 0; i < n; i += 4096) {                                                                \
        m = n - i < 4096 ? n - i : 4096;                                                           \
        part[top++] = block;                                                                       \
        for (k = i / 4096; k & 1; k >>= 1) { top--; part[top - 1] += part[top]; }                  \
    }                                                                                              \
    while (top > 1) { top--; part[top - 1] += part[top]; }                                         \
    return part[0]

DLI_KERNEL(dl_real, sum)(const dl_real *x, int64_t n) { DLI_SUM_BLOCKS(DLI_FN(dli_sum_block)(x + i, m)); }
DLI_KERNEL(dl_real, dot)(const dl_real *x, const dl_real *y, int64_t n)
{
    DLI_SUM_BLOCKS(DLI_FN(dli_dot_block)(x + i, y + i, m));
}
DLI_KERNEL(dl_real, sum_squares)(const dl_real *x, dl_real shift, dl_real scale, int64_t n)
{
    DLI_SUM_BLOCKS(DLI_FN(dli_squares_block)(x + i, shift, scale, m));
}

/* The sum of y = exp(x - shift); y is stored, or of one block only. */
DLI_V dl_real DLI_FN(dli_exp_block)(dl_real *y, const dl_real *x, dl_real shift, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++) y[i] = dli_exp(x[i] - shift);
    return DLI_FN(dli_sum_block)(y, n);
}
DLI_V dl_real DLI_FN(dli_exp_sum)(dl_real *y, const dl_real *x, dl_real shift, int64_t n)
{
    DLI_SUM_BLOCKS(DLI_FN(dli_exp_block)(y + i, x + i, shift, m));
}
DLI_V dl_real DLI_FN(dli_sum_exp)(const dl_real *x, dl_real shift, int64_t n)
{
    dl_real y[4096];
    DLI_SUM_BLOCKS(DLI_FN(dli_exp_block)(y, x + i, shift, m));
}
DLI_KERNEL(dl_real, log_sum_exp)(const dl_real *x, dl_real shift, int64_t n)
{
    return dli_log(DLI_FN(dli_sum_exp)(x, shift, n));
}

DLI_KERNEL(dl_real, prod)(const dl_real *x, int64_t n)
{
    dlv s = dlv_set(1);
    dl_real lane[16], p = 1;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) s = dlv_mul(s, dlv_load(x + i));
    if (i < n) s = dlv_mul(s, dlv_load_n(x + i, n - i, 1));
    dlv_store(lane, s);
    for (i = 0; i < 16; i++) p *= lane[i];
    return p;
}

/* dlv_max drops a NaN or keeps it, as it falls.  0 x is NaN if x is NaN or infinite; only then look at each. */
#define DLI_EXTREME(MAX, HMAX)                                                                     \
    dlv m = dlv_set(x[0]), zero = dlv_set(0), bad = zero, v;                                       \
    int64_t i = 0;                                                                                 \
    dl_real r;                                                                                     \
    for (; i < n; i += 16) {                                                                       \
        v = i + 16 <= n ? dlv_load(x + i) : dlv_load_n(x + i, n - i, x[0]);                        \
        m = MAX(m, v);                                                                             \
        bad = dlv_add(bad, dlv_mul(v, zero));                                                      \
    }                                                                                              \
    r = dlv_sum(bad);                                                                              \
    if (r != r) for (i = 0; i < n; i++) if (x[i] != x[i]) return x[i];                             \
    return HMAX(m)
DLI_KERNEL(dl_real, max)(const dl_real *x, int64_t n) { DLI_EXTREME(dlv_max, dlv_hmax); }
DLI_KERNEL(dl_real, min)(const dl_real *x, int64_t n) { DLI_EXTREME(dlv_min, dlv_hmin); }

/* The first i with x[i] == v, or the first NaN if v is NaN; v is among them. */
DLI_V int64_t DLI_FN(dli_find)(const dl_real *x, dl_real v, int64_t n)
{
    int64_t i = 0, j;
    int hit = 0;
    for (; i + 64 < n; i += 64) {
        for (j = i; j < i + 64; j++) hit |= (x[j] == v) | (x[j] != x[j]);
        if (hit) break;
    }
    for (; i + 1 < n; i++) if (x[i] == v || x[i] != x[i]) break;
    return i;
}
DLI_KERNEL(int64_t, argmax)(const dl_real *x, int64_t n) { return DLI_FN(dli_find)(x, DLI_FN(dli_max)(x, n), n); }
DLI_KERNEL(int64_t, argmin)(const dl_real *x, int64_t n) { return DLI_FN(dli_find)(x, DLI_FN(dli_min)(x, n), n); }

DLI_KERNEL(void, axpy)(dl_real *y, dl_real a, const dl_real *x, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++) y[i] = dli_fma(a, x[i], y[i]);
}
DLI_KERNEL(void, add)(dl_real *y, const dl_real *x, int64_t n) { int64_t i; for (i = 0; i < n; i++) y[i] += x[i]; }
DLI_KERNEL(void, scale)(dl_real *y, dl_real a, int64_t n)      { int64_t i; for (i = 0; i < n; i++) y[i] *= a; }

/* --- softmax ------------------------------------------------------------------------------------ */
DLI_KERNEL(void, exp_row)(dl_real *y, dl_real a, const dl_real *x, dl_real shift, int64_t n, int add)
{
    int64_t i;
    if (add) for (i = 0; i < n; i++) y[i] = dli_fma(a, dli_exp(x[i] - shift), y[i]);
    else     for (i = 0; i < n; i++) y[i] = a * dli_exp(x[i] - shift);
}
DLI_KERNEL(void, softmax)(dl_real *y, const dl_real *x, int64_t n)
{
    DLI_FN(dli_scale)(y, 1 / DLI_FN(dli_exp_sum)(y, x, DLI_FN(dli_max)(x, n), n), n);
}
DLI_KERNEL(void, softmax_back)(dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add)
{
    const dl_real s = DLI_FN(dli_dot)(g, y, n);
    int64_t i;
    if (add) for (i = 0; i < n; i++) dx[i] = dli_fma(y[i], g[i] - s, dx[i]);
    else     for (i = 0; i < n; i++) dx[i] = y[i] * (g[i] - s);
}
DLI_KERNEL(void, log_softmax)(dl_real *y, const dl_real *x, int64_t n)
{
    const dl_real m = DLI_FN(dli_max)(x, n), s = DLI_FN(dli_log_sum_exp)(x, m, n);
    int64_t i;
    for (i = 0; i < n; i++) y[i] = x[i] - m - s;
}
DLI_KERNEL(void, log_softmax_back)(dl_real *dx, const dl_real *y, const dl_real *g, int64_t n, int add)
{
    const dl_real s = DLI_FN(dli_sum)(g, n);
    int64_t i;
    if (add) for (i = 0; i < n; i++) dx[i] += dli_fma(-s, dli_exp(y[i]), g[i]);
    else     for (i = 0; i < n; i++) dx[i] = dli_fma(-s, dli_exp(y[i]), g[i]);
}

/* --- optimizers ---------------------------------------------------------------------------------- */
DLI_KERNEL(void, sgd)(dl_real *p, const dl_real *g, dl_real *b, int64_t n, const dli_sgd_opts *o)
{
    const dl_real lr = o->lr, decay = o->weight_decay, momentum = o->momentum;
    const dl_real keep = o->first ? 0 : momentum, fresh = o->first ? 1 : 1 - o->dampening;
    int64_t i;
    if (!b)               for (i = 0; i < n; i++) p[i] = dli_fma(-lr, dli_fma(decay, p[i], g[i]), p[i]);
    else if (o->nesterov) for (i = 0; i < n; i++) {
        dl_real d = dli_fma(decay, p[i], g[i]);
        b[i] = dli_fma(keep, b[i], fresh * d);
        p[i] = dli_fma(-lr, dli_fma(momentum, b[i], d), p[i]);
    } else for (i = 0; i < n; i++) {
        b[i] = dli_fma(keep, b[i], fresh * dli_fma(decay, p[i], g[i]));
        p[i] = dli_fma(-lr, b[i], p[i]);
    }
}
DLI_KERNEL(void, adam)(dl_real *p, const dl_real *g, dl_real *m, dl_real *v, int64_t n, const dli_adam_opts *o)
{
    const dl_real step = o->step, fresh1 = 1 - o->beta1, beta2 = o->beta2, fresh2 = 1 - o->beta2;
    const dl_real eps = o->eps, root = o->root, l2 = o->l2, shrink = o->shrink;
    int64_t i;
    for (i = 0; i < n; i++) {
        dl_real d = dli_fma(l2, p[i], g[i]);
        m[i] = dli_fma(fresh1, d - m[i], m[i]);
        v[i] = dli_fma(beta2, v[i], fresh2 * d * d);
        p[i] = dli_fma(-step, m[i] / (dli_sqrt(v[i]) / root + eps), shrink * p[i]);
    }
}

/* --- random numbers ------------------------------------------------------------------------------
   Philox4x32-10 (Salmon et al. 2011): the key is the seed, the counter (block, call); a block gives 4 words.
   The low halves of 64-bit numbers count, so that products need no rearranging. */
#define dli_philox    DLI_FN(dli_philox)
#define dli_256_words DLI_FN(dli_256_words)
#define DLI_ROUND(r)                                                                               \
    p = (c0 & 0xFFFFFFFFu) * 0xD2511F53u; q = (c2 & 0xFFFFFFFFu) * 0xCD9E8D57u;                    \
    c0 = (q >> 32) ^ c1 ^ (uint32_t)(k0 + r * 0x9E3779B9u); c1 = q;                                \
    c2 = (p >> 32) ^ c3 ^ (uint32_t)(k1 + r * 0xBB67AE85u); c3 = p;
DLI_V void dli_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint64_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], p, q;
    const uint32_t k0 = key[0], k1 = key[1];
    DLI_ROUND(0u) DLI_ROUND(1u) DLI_ROUND(2u) DLI_ROUND(3u) DLI_ROUND(4u)
    DLI_ROUND(5u) DLI_ROUND(6u) DLI_ROUND(7u) DLI_ROUND(8u) DLI_ROUND(9u)
    out[0] = (uint32_t)c0; out[1] = (uint32_t)c1; out[2] = (uint32_t)c2; out[3] = (uint32_t)c3;
}
#undef DLI_ROUND
/* word w of block + j is out[64 w + j] */
DLI_V void dli_256_words(uint32_t *out, uint64_t seed, uint64_t call, uint64_t block)
{
    uint32_t key[2];
    int j;
    key[0] = (uint32_t)seed; key[1] = (uint32_t)(seed >> 32);
    for (j = 0; j < 64; j++) {
        const uint64_t b = block + (uint64_t)j;
        uint32_t counter[4], word[4];
        counter[0] = (uint32_t)b;    counter[1] = (uint32_t)(b >> 32);
        counter[2] = (uint32_t)call; counter[3] = (uint32_t)(call >> 32);
        dli_philox(counter, key, word);
        out[j] = word[0]; out[64 + j] = word[1]; out[128 + j] = word[2]; out[192 + j] = word[3];
    }
}

/* Elements 4 block + i for i < 256 go through z: y may begin and end anywhere. */
#define DLI_RANDOM_ROW(fill)                                                                       \
    uint32_t word[256];                                                                            \
    dl_real z[256];                                                                                \
    int64_t i, m;                                                                                  \
    int j;                                                                                         \
    for (i = 0; i < n; i += m) {                                                                   \
        const int64_t skip = (int64_t)((first + (uint64_t)i) % 4);                                 \
        dli_256_words(word, seed, call, (first + (uint64_t)i) / 4);                                \
        for (j = 0; j < 64; j++) { fill }                                                          \
        m = n - i < 256 - skip ? n - i : 256 - skip;                                               \
        memcpy(y + i, z + skip, (size_t)m * sizeof *y);                                            \
    }

/* element 4 block + w: 24 bits of word w */
DLI_V dl_real DLI_FN(dli_24_bits)(uint32_t w) { return (dl_real)(int32_t)(w >> 8) * (1 / DLI_C(16777216)); }
DLI_KERNEL(void, uniform)(dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first)
{
    DLI_RANDOM_ROW(
        z[4 * j] = DLI_FN(dli_24_bits)(word[j]);           z[4 * j + 1] = DLI_FN(dli_24_bits)(word[64 + j]);
        z[4 * j + 2] = DLI_FN(dli_24_bits)(word[128 + j]); z[4 * j + 3] = DLI_FN(dli_24_bits)(word[192 + j]);)
}

/* elements 0, 1 and 2, 3 of a block: r cos t and r sin t, r = sqrt(-2 log u), u on (0, 1] and t on [0, 2 pi) from its words
   (Box and Muller 1958) */
DLI_V void DLI_FN(dli_box_muller)(dl_real *z, uint32_t a, uint32_t b)
{
    const dl_real u = ((dl_real)(int32_t)(a >> 1) + DLI_C(0.5)) * (1 / DLI_C(2147483648.0));
    const dl_real t = DLI_C(6.2831853071795865) * DLI_FN(dli_24_bits)(b), r = dli_sqrt(-2 * dli_log(u));
    z[0] = r * dli_cos(t);
    z[1] = r * dli_sin(t);
}
DLI_KERNEL(void, normal)(dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first)
{
    DLI_RANDOM_ROW(DLI_FN(dli_box_muller)(z + 4 * j, word[j], word[64 + j]);
                   DLI_FN(dli_box_muller)(z + 4 * j + 2, word[128 + j], word[192 + j]);)
}
#undef DLI_RANDOM_ROW

/* 512 elements share 256 words: the first 256 take the low halves, the others the high ones; keep if half >= 65536 p */
DLI_KERNEL(void, dropout)(dl_real *y, const dl_real *x, int64_t n, uint64_t seed, uint64_t call, uint64_t first,
                          dl_real p, int add)
{
    const uint32_t threshold = (uint32_t)(p * 65536 + DLI_C(0.5));
    const dl_real scale = p < 1 ? 1 / (1 - p) : 0;
    uint32_t word[256];
    int64_t i, m, j;
    for (i = 0; i < n; i += m) {
        const uint64_t e = first + (uint64_t)i;
        const int64_t skip = (int64_t)(e % 256);
        const int shift = e % 512 < 256 ? 0 : 16;
        if (i == 0 || !shift) {
            for (j = 0; j < 512 && j < n - i; j += 16) { DLI_PREFETCH(x + i + j); DLI_PREFETCH(y + i + j); }
            dli_256_words(word, seed, call, e / 512 * 64);        /* while memory answers: twice as fast out of cache */
        }
        m = n - i < 256 - skip ? n - i : 256 - skip;
#define DLI_KEPT (word[skip + j] >> shift & 0xFFFFu) >= threshold ? x[i + j] * scale : 0
        if (add) for (j = 0; j < m; j++) y[i + j] += DLI_KEPT;
        else     for (j = 0; j < m; j++) y[i + j] = DLI_KEPT;
#undef DLI_KEPT
    }
}

/* --- >>gemm, the part that depends on the instruction set ----------------------------------------
   The tile: R x (16 V) numbers of C stay in registers while k runs; each step loads V vectors of B, broadcasts R numbers of A
   and does R V fused multiply-adds.  Accumulators are named variables: compilers keep those in registers, but not arrays. */
#if DLI_ISA == 2
#define DLI_MR 12                   /* 24 accumulators, 2 of B, 1 broadcast: 27 of 32 registers */
#define DLI_NR 32
#define DLI_TILE_ROWS(F) F(0, a0, 0) F(1, a0, 1) F(2, a0, 2) F(3, a3, 0) F(4, a3, 1) F(5, a3, 2) \
                         F(6, a6, 0) F(7, a6, 1) F(8, a6, 2) F(9, a9, 0) F(10, a9, 1) F(11, a9, 2)
#define DLI_TILES(F)     F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)
#elif DLI_ISA == 1
#define DLI_MR 6                    /* 12 accumulators, 2 of B, 1 broadcast: 15 of 16 registers */
#define DLI_NR 16
#define DLI_TILE_ROWS(F) F(0, a0, 0) F(1, a0, 1) F(2, a0, 2) F(3, a3, 0) F(4, a3, 1) F(5, a3, 2)
#define DLI_TILES(F)     F(1) F(2) F(3) F(4) F(5) F(6)
#else
#define DLI_MR 4
#define DLI_NR 16
#define DLI_TILE_ROWS(F) F(0, a0, 0) F(1, a0, 1) F(2, a0, 2) F(3, a3, 0)
#define DLI_TILES(F)     F(1) F(2) F(3) F(4)
#endif

#if defined(__GNUC__) && !defined(__TINYC__)
#define DLI_PREFETCH(p) __builtin_prefetch(p)
#define DLI_PREFETCH2(p) __builtin_prefetch(p, 0, 2)
#else
#define DLI_PREFETCH(p) ((void)(p))
#define DLI_PREFETCH2(p) ((void)(p))
#endif

/* One tile, R <= mr rows and K <= KC.  wide: all DLI_NR columns (AVX-512: more than 16), else the first t->N. */
#define dli_tile DLI_FN(dli_tile_)
DLI_V void dli_tile(const int R, const int wide, const dli_panel *t)
{
    enum { V_WIDE = DLI_NR / 16 };
    const int V = wide ? V_WIDE : 1, masked = V == 2 || !wide;       /* a mask costs nothing on AVX-512 */
    const int64_t last = t->N - 16 * (V - 1), a_row = t->a_row, a_col = t->a_col, b_row = t->b_row, ldc = t->ldc;
    const dlv zero = dlv_set(0);
    int64_t panel, k;
    for (panel = 0; panel < t->panels; panel++) {
    const dl_real *b = t->b + panel * DLI_NR, *a0 = t->a;
    const dl_real *a3 = R > 3 ? a0 + 3 * a_row : a0, *a6 = R > 6 ? a0 + 6 * a_row : a0, *a9 = R > 9 ? a0 + 9 * a_row : a0;
    dl_real *c = t->c + panel * DLI_NR, *sums = t->sums + panel * DLI_NR;
    dlv b0 = zero, b1 = zero;
#define DLI_ROW(i, ai, r) dlv x##i = zero, y##i = zero;
    DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
#define DLI_LOAD_LAST(p) (masked ? dlv_load_n(p, last, 0) : dlv_load(p))
    if (t->resume) {
#define DLI_ROW(i, ai, r) if (R > i) { x##i = dlv_load(sums + i * t->ld_sums); if (V == 2) y##i = dlv_load(sums + i * t->ld_sums + 16); }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    } else if (t->K > 64) {
#define DLI_ROW(i, ai, r) if (R > i) { DLI_PREFETCH(c + i * ldc); DLI_PREFETCH(c + i * ldc + t->N - 1); }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    }
    for (k = t->K; k > 0; k--) {
        if (V == 2) b0 = dlv_load(b), b1 = DLI_LOAD_LAST(b + 16); else b0 = DLI_LOAD_LAST(b);
        if (R <= 8) { DLI_PREFETCH(b + 256); if (V == 2) DLI_PREFETCH(b + 272); }
#define DLI_ROW(i, ai, r) if (R > i) {                                                             \
            const dlv s = dlv_set(ai[r * a_row]);                                                  \
            x##i = dlv_fma(s, b0, x##i);                                                           \
            if (V == 2) y##i = dlv_fma(s, b1, y##i);                                               \
        }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
        b += b_row;
        a0 += a_col; a3 += a_col; a6 += a_col; a9 += a_col;
    }
    if (t->suspend) {
#define DLI_ROW(i, ai, r) if (R > i) { dlv_store(sums + i * t->ld_sums, x##i); if (V == 2) dlv_store(sums + i * t->ld_sums + 16, y##i); }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    } else {
        const dlv alpha = dlv_set(t->alpha), beta = dlv_set(t->beta);
#define DLI_PUT(p, v, m)  { if (m) dlv_store_n(p, v, last); else dlv_store(p, v); }
#define DLI_SUM(p, x, m)  dlv_fma(alpha, x, dlv_mul(beta, (m) ? DLI_LOAD_LAST(p) : dlv_load(p)))
#define DLI_ROW(i, ai, r) if (R > i) {                                                             \
            DLI_PUT(c, dlv_mul(alpha, x##i), masked && V == 1)                                     \
            if (V == 2) DLI_PUT(c + 16, dlv_mul(alpha, y##i), 1)                                   \
            c += ldc;                                                                              \
        }
        if (t->beta == 0) { DLI_TILE_ROWS(DLI_ROW) }
#undef DLI_ROW
#define DLI_ROW(i, ai, r) if (R > i) {                                                             \
            DLI_PUT(c, DLI_SUM(c, x##i, masked && V == 1), masked && V == 1)                       \
            if (V == 2) DLI_PUT(c + 16, DLI_SUM(c + 16, y##i, 1), 1)                               \
            c += ldc;                                                                              \
        }
        else { DLI_TILE_ROWS(DLI_ROW) }
#undef DLI_ROW
#undef DLI_SUM
#undef DLI_PUT
    }
#undef DLI_LOAD_LAST
    (void)a3; (void)a6; (void)a9;
    }
}

#define DLI_TILE(R)                                                                                \
    DLI_KERNEL(void, tile_wide_##R)(const dli_panel *t)   { dli_tile(R, 1, t); }                   \
    DLI_KERNEL(void, tile_narrow_##R)(const dli_panel *t) { dli_tile(R, 0, t); }
DLI_TILES(DLI_TILE)
#undef DLI_TILE
typedef void DLI_FN(dli_tile_fn)(const dli_panel *t);
static DLI_FN(dli_tile_fn) *const DLI_FN(dli_tiles)[2][DLI_MR] = {
#define DLI_TILE(R) DLI_FN(dli_tile_narrow_##R),
    {DLI_TILES(DLI_TILE)},
#undef DLI_TILE
#define DLI_TILE(R) DLI_FN(dli_tile_wide_##R),
    {DLI_TILES(DLI_TILE)}
#undef DLI_TILE
};

/* C = activation(C + bias) on rows that are still in the first cache. */
DLI_KERNEL(void, gemm_finish)(const dli_panel *t, int64_t rows)
{
    const int64_t n = t->N + (t->panels - 1) * DLI_NR;
    dl_real *c = t->c;
    int64_t i, j;
    for (i = 0; i < rows; i++, c += t->ldc) {
        if (t->bias) for (j = 0; j < n; j++) c[j] = c[j] + t->bias[j];
        switch (t->activation) {
        case DL_LINEAR: break;
        case DL_RELU:    for (j = 0; j < n; j++) c[j] = c[j] > 0 ? c[j] : 0; break;
        case DL_SIGMOID: for (j = 0; j < n; j++) c[j] = dli_sigmoid(c[j]); break;
        case DL_TANH:    for (j = 0; j < n; j++) c[j] = dli_tanh(c[j]); break;
        }
    }
}

/* All rows of one panel, in tiles of nearly equal height: 64 = 11 + 11 + 11 + 11 + 10 + 10, not 5 x 12 + 4. */
DLI_KERNEL(void, gemm_panel)(dli_panel *t)
{
    const int wide = DLI_NR == 32 ? t->N > 16 : t->N == DLI_NR;
    DLI_FN(dli_tile_fn) *const *tiles = DLI_FN(dli_tiles)[wide];
    const int64_t K = t->K;
    const dl_real *a = t->a, *b = t->b, beta = t->beta;
    int64_t left = (t->M + DLI_MR - 1) / DLI_MR, rows, p, fetched = 0;
    if (t->a_tile) t->a_row = 1, t->a_col = DLI_MR;
    for (; left > 0; left--) {
        rows = left == 1 ? t->M : (t->M + left - 1) / left;
        t->beta = beta;
        if (t->next) {
            const int64_t rows_ahead = (K - fetched + left - 1) / left;
            for (p = 0; p < rows_ahead; p++, fetched++) {
                DLI_PREFETCH2(t->next + fetched * t->next_row);
                if (DLI_NR == 32) DLI_PREFETCH2(t->next + fetched * t->next_row + 16);
            }
        }
        for (p = 0; p < K || p == 0; p += DLI_KC) {
            t->K = K - p < DLI_KC ? K - p : DLI_KC;
            t->a = a + p * t->a_col;
            t->b = b + p * t->b_row;
            tiles[rows - 1](t);
            t->beta = 1;
        }
        if (t->last && !t->suspend) DLI_FN(dli_gemm_finish)(t, rows);
        a += t->a_tile ? t->a_tile : rows * t->a_row;
        t->c += rows * t->ldc;
        t->sums += rows * t->ld_sums;
        t->M -= rows;
    }
}

/* Dots of R rows of A with S rows of B: 16 running sums each, added up by a tree.  For one operand of few rows: nothing has to be
   transposed, and each number of the large operand is read once. */
#define dli_dots DLI_FN(dli_dots_)
DLI_V void dli_dots(const int R, const int S, const dli_panel *t, const dl_real *a, const dl_real *b, dl_real *c)
{
    const int64_t K = t->K, tail = K % 16, a_row = t->a_row, b_row = t->b_row;
    const dl_real *ap[4], *bp[4];
    dlv sum[4][4];
    int64_t k;
    int i, j;
    for (i = 0; i < R; i++) ap[i] = a + i * a_row;
    for (j = 0; j < S; j++) bp[j] = b + j * b_row;
    for (i = 0; i < R; i++) for (j = 0; j < S; j++) sum[i][j] = dlv_set(0);
#define DLI_STEP(load) {                                                                           \
        dlv bv[4];                                                                                 \
        for (j = 0; j < S; j++) bv[j] = load(bp[j] + k);                                           \
        for (i = 0; i < R; i++) {                                                                  \
            const dlv av = load(ap[i] + k);                                                        \
            for (j = 0; j < S; j++) sum[i][j] = dlv_fma(av, bv[j], sum[i][j]);                     \
        }                                                                                          \
    }
#define DLI_LOAD_TAIL(p) dlv_load_n(p, tail, 0)
    for (k = 0; k < K - tail; k += 16) DLI_STEP(dlv_load)
    if (tail) DLI_STEP(DLI_LOAD_TAIL)
#undef DLI_LOAD_TAIL
#undef DLI_STEP
    for (i = 0; i < R; i++, c += t->ldc)
        for (j = 0; j < S; j++) {
            const dl_real s = dlv_sum(sum[i][j]);
            c[j] = t->beta == 0 ? t->alpha * s : dli_fma(t->alpha, s, t->beta * c[j]);
        }
}

DLI_KERNEL(void, gemm_dots)(const dli_panel *t)
{
    int64_t i, j, rows, columns;
    for (j = 0; j < t->N; j += columns) {
        columns = t->N - j >= 4 ? 4 : 1;
        for (i = 0; i < t->M; i += rows) {
            const dl_real *a = t->a + i * t->a_row, *b = t->b + j * t->b_row;
            dl_real *c = t->c + i * t->ldc + j;
            rows = t->M - i >= 4 ? 4 : 1;
            if (rows == 4) { if (columns == 4) dli_dots(4, 4, t, a, b, c); else dli_dots(4, 1, t, a, b, c); }
            else           { if (columns == 4) dli_dots(1, 4, t, a, b, c); else dli_dots(1, 1, t, a, b, c); }
        }
    }
    if (t->last) DLI_FN(dli_gemm_finish)(t, t->M);
}
#undef dli_dots

/* A vector times a matrix, C[j] = sum over k of a[k] B[k][j], reads B once, R whole rows at a time.  Faster than tiles because less
   stands between the loads: more of them are on their way from memory at once. */
#define dli_rows DLI_FN(dli_rows_)
DLI_V void dli_rows(const int R, dl_real *sums, const dl_real *a, int64_t a_col, const dl_real *b, int64_t b_row, int64_t n)
{
    dlv x[8];
    int64_t j;
    int r;
    for (r = 0; r < R; r++) x[r] = dlv_set(a[r * a_col]);
    for (j = 0; j + 16 <= n; j += 16) {
        dlv s = dlv_load(sums + j);
        for (r = 0; r < R; r++) s = dlv_fma(x[r], dlv_load(b + r * b_row + j), s);
        dlv_store(sums + j, s);
    }
    if (j < n) {
        dlv s = dlv_load(sums + j);
        for (r = 0; r < R; r++) s = dlv_fma(x[r], dlv_load_n(b + r * b_row + j, n - j, 0), s);
        dlv_store(sums + j, s);
    }
}

DLI_KERNEL(void, gemm_row)(dli_panel *t)
{
    const int64_t n = t->N;
    int64_t j, k, p, end;
    dl_real *c = t->c;
    for (p = 0, end = -1; end < t->K; p = end) {
        end = t->K - p < DLI_KC ? t->K : p + DLI_KC;
        for (j = 0; j < n; j += 16) dlv_store(t->sums + j, dlv_set(0));
        for (k = p; k + 8 <= end; k += 8) dli_rows(8, t->sums, t->a + k * t->a_col, t->a_col, t->b + k * t->b_row, t->b_row, n);
        for (; k < end; k++)              dli_rows(1, t->sums, t->a + k * t->a_col, t->a_col, t->b + k * t->b_row, t->b_row, n);
        if (t->beta == 0) for (j = 0; j < n; j++) c[j] = t->alpha * t->sums[j];
        else              for (j = 0; j < n; j++) c[j] = dli_fma(t->alpha, t->sums[j], t->beta * c[j]);
        t->beta = 1;
    }
    if (t->last) DLI_FN(dli_gemm_finish)(t, 1);
}
#undef dli_rows

/* n rows of width numbers, padded with zeros to the width of a tile */
DLI_KERNEL(void, gemm_pack)(dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width)
{
    int64_t i, j;
    for (i = 0; i < n; i++, out += tile, x += ldx)
        for (j = 0; j < tile; j += 16) {
            const int64_t in = width - j < 16 ? width - j : 16, room = tile - j < 16 ? tile - j : 16;
            const dlv v = in <= 0 ? dlv_set(0) : in < 16 ? dlv_load_n(x + j, in, 0) : dlv_load(x + j);
            if (room < 16) dlv_store_n(out + j, v, room); else dlv_store(out + j, v);
        }
}

/* n rows of width numbers, cut into panels of nr columns, panel numbers apart */
DLI_KERNEL(void, gemm_pack_b)(dl_real *out, int64_t panel, const dl_real *x, int64_t ldx, int64_t n, int64_t width)
{
    int64_t i, j;
    for (i = 0; i < n; i++, out += DLI_NR, x += ldx) {
        dl_real *o = out;
        for (j = 0; j + DLI_NR <= width; j += DLI_NR, o += panel) {
            DLI_PREFETCH(x + j + 4 * ldx);
            if (DLI_NR == 32) DLI_PREFETCH(x + j + 4 * ldx + 16);
            dlv_store(o, dlv_load(x + j));
            if (DLI_NR == 32) dlv_store(o + 16, dlv_load(x + j + 16));
        }
        if (j + 16 < width) { dlv_store(o, dlv_load(x + j)); j += 16; o += 16; }
        if (j < width) dlv_store(o, dlv_load_n(x + j, width - j, 0));
    }
}

/* The same, transposing squares of S x S numbers in registers. */
#if DLI_ISA == 2
#define DLI_SQUARE 16
#define DLI_ALL ((__mmask16)0xffff)     /* the unmasked forms of gcc 12 warn of an uninitialized operand */
typedef __m512 DLI_FN(dli_row);
#define DLI_LOAD_ROW(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define DLI_STORE_ROW(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#define DLI_ZERO_ROW _mm512_setzero_ps()
DLI_V void DLI_FN(dli_transpose)(__m512 *r)
{
    __m512 s[16];
    int i, j;
    for (i = 0; i < 16; i += 2) s[i] = _mm512_maskz_unpacklo_ps(DLI_ALL, r[i], r[i + 1]), s[i + 1] = _mm512_maskz_unpackhi_ps(DLI_ALL, r[i], r[i + 1]);
    for (i = 0; i < 16; i += 4)
        for (j = 0; j < 2; j++) {
            r[i + 2 * j]     = _mm512_castpd_ps(_mm512_maskz_unpacklo_pd((__mmask8)0xff, _mm512_castps_pd(s[i + j]), _mm512_castps_pd(s[i + j + 2])));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_maskz_unpackhi_pd((__mmask8)0xff, _mm512_castps_pd(s[i + j]), _mm512_castps_pd(s[i + j + 2])));
        }
    for (i = 0; i < 16; i += 8)                            /* r[i + j]: columns j, j + 4, j + 8, j + 12 of rows i .. i + 3 */
        for (j = 0; j < 4; j++) {
            s[i + j]     = _mm512_maskz_shuffle_f32x4(DLI_ALL, r[i + j], r[i + j + 4], 0x88);
            s[i + j + 4] = _mm512_maskz_shuffle_f32x4(DLI_ALL, r[i + j], r[i + j + 4], 0xdd);
        }
    for (j = 0; j < 8; j++) {
        const int to = j < 4 ? j : j;
        r[to]     = _mm512_maskz_shuffle_f32x4(DLI_ALL, s[j], s[j + 8], 0x88);
        r[to + 8] = _mm512_maskz_shuffle_f32x4(DLI_ALL, s[j], s[j + 8], 0xdd);
    }
}
#elif DLI_ISA == 1
#define DLI_SQUARE 8
typedef __m256 DLI_FN(dli_row);
#define DLI_LOAD_ROW(p, n) _mm256_maskload_ps(p, dli_mask_avx2(n))
#define DLI_STORE_ROW(p, v, n) _mm256_maskstore_ps(p, dli_mask_avx2(n), v)
#define DLI_ZERO_ROW _mm256_setzero_ps()
DLI_V void DLI_FN(dli_transpose)(__m256 *r)
{
    __m256 s[8];
    int i, j;
    for (i = 0; i < 8; i += 2) s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    for (i = 0; i < 8; i += 4)
        for (j = 0; j < 2; j++) {
            r[i + 2 * j]     = _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(s[i + j]), _mm256_castps_pd(s[i + j + 2])));
            r[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(s[i + j]), _mm256_castps_pd(s[i + j + 2])));
        }
    for (j = 0; j < 4; j++) {
        s[j]     = _mm256_permute2f128_ps(r[j], r[j + 4], 0x20);
        s[j + 4] = _mm256_permute2f128_ps(r[j], r[j + 4], 0x31);
    }
    for (j = 0; j < 8; j++) r[j] = s[j];
}
#endif

DLI_KERNEL(void, gemm_pack_t)(dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width)
{
    int64_t i, j, l;
#if DLI_ISA == 0
    for (j = 0; j < tile; j++)
        for (i = 0; i < n; i++) out[i * tile + j] = j < width ? x[j * ldx + i] : 0;
    (void)l;
#else
    DLI_FN(dli_row) r[DLI_SQUARE];
    for (j = 0; j < tile; j += DLI_SQUARE)
        for (i = 0; i < n; i += DLI_SQUARE) {
            const int64_t in = n - i < DLI_SQUARE ? n - i : DLI_SQUARE, room = tile - j < DLI_SQUARE ? tile - j : DLI_SQUARE;
            for (l = 0; l < DLI_SQUARE; l++) DLI_PREFETCH(x + (j + l + 0 * DLI_SQUARE) * ldx + i + 0 * DLI_SQUARE);
            for (l = 0; l < DLI_SQUARE; l++) r[l] = j + l < width ? DLI_LOAD_ROW(x + (j + l) * ldx + i, in) : DLI_ZERO_ROW;
            DLI_FN(dli_transpose)(r);
            for (l = 0; l < DLI_SQUARE; l++) if (l < in) DLI_STORE_ROW(out + (i + l) * tile + j, r[l], room);
        }
#endif
}
#undef DLI_SQUARE
#undef DLI_ALL
#undef DLI_LOAD_ROW
#undef DLI_STORE_ROW
#undef DLI_ZERO_ROW
#undef DLI_TILE_ROWS
#undef DLI_TILES
#undef DLI_PREFETCH
#undef DLI_PREFETCH2
#undef dli_tile

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
    &DLI_QUOTE(DLI_SUFFIX)[1], DLI_MR, DLI_NR,
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

/* ================================================================================================
   >>changes
   ================================================================================================
   0.1.0   context, arenas, tensors, autograd, elementwise, reduction, shape and matrix ops, cross-entropy, linear
           modules, initializers, SGD, Adam, AdamW, IDX files, training loop; portable, AVX2 and AVX-512 kernels.

   ================================================================================================
   >>licence     MIT or public domain, at your choice
   ================================================================================================
   A - MIT License.  Copyright (c) 2026 the dl.h authors

   Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
   documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
   rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
   persons to whom the Software is furnished to do so, subject to the following conditions: the above copyright notice
   and this permission notice shall be included in all copies or substantial portions of the Software.

   THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
   WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.  IN NO EVENT SHALL THE AUTHORS OR
   COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
   OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

   B - Public domain (www.unlicense.org)

   This is free and unencumbered software released into the public domain.  Anyone is free to copy, modify, publish, use,
   compile, sell, or distribute this software, either in source code form or as a compiled binary, for any purpose,
   commercial or non-commercial, and by any means.  In jurisdictions that recognize copyright laws, the author or authors
   of this software dedicate any and all copyright interest in the software to the public domain, for the benefit of the
   public at large and to the detriment of their heirs and successors.  The software is provided "as is", without warranty
   of any kind.
*/
