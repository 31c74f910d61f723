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
       >>files       reading: every number in a file is checked
       >>models      LeNet-5 .. ResNet, U-Net, with DL_MODELS
       >>images      PGM and PPM, other formats through stb; resizing, grids
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
#define DLI_KW6(...)                          DLI_KW6_(__VA_ARGS__, DLI_END)
#define DLI_KW6_(fn, a, b, d, e, f, g, ...)   fn##_with(a, b, d, e, f, g, DLI_LIT(fn##_opts){__VA_ARGS__})

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
typedef enum { DL_HIGHEST, DL_HIGH, DL_MEDIUM } dl_precision;          /* of products, see dl_create            */
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
    int64_t      macs;                   /* multiply-adds that made it: shape functions may say so, dl_summary prints it */
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
    dl_precision precision;              /* DL_HIGHEST: the same bits everywhere.  DL_HIGH: relative errors of about 1e-5 for
                                            speed (Winograd convolution), the same bits for any number of threads on one
                                            instruction set.  DL_MEDIUM: as DL_HIGH, so far                      */
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

/* --- softmax and dropout; the losses stand below --------------------------------------------------- */
DL_API dl_tensor *dl_softmax(dl_ctx *c, dl_tensor *x, int dim);                            /* exp(x - max x) / sum exp(x - max x) along dim */
DL_API dl_tensor *dl_log_softmax(dl_ctx *c, dl_tensor *x, int dim);                        /* x - logsumexp(x)                   */
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
    /* Set it after dl_module_create to run in one pass with modules behind this one in a dl_nn_sequential.  run[0] is this
       module, run[1] .. run[n-1] follow; puts the result into *x and returns how many it ran, or 0 and leaves *x. */
    int        (*fuse)(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x);
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

/* freeze: with on = 1 the parameters below m get no gradients, and optimizers leave them as they are, bit for bit; 0: trains
   them again.  PyTorch's m.requires_grad_(not on).  Running statistics of normalisation go on in training mode. */
DL_API void       dl_nn_freeze(dl_module *m, int on);

/* dl_nn_sequential(c, a, b, ...) runs modules in order, those that can (see fuse) together: linear, convolution or batch
   norm with the activation behind it; without gradients in evaluation also a batch norm into the weights before it.
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
   he:     variance gain^2 / fan                       He et al. 2015; gain sqrt(2 / (1 + a^2)), a: slope of a leaky ReLU, 0
   kaiming is another name for he.  A uniform one with variance v is U(-sqrt(3 v), sqrt(3 v)).
   orthogonal: rows or columns, whichever are fewer, orthonormal times gain (Saxe et al. 2014).
   sparse: (out, in), the share `sparsity` of each column is 0, the rest N(0, std^2), std 0.01 (Martens 2010).
   dirac: (out, in, ...) convolution that passes its input on; eye: (out, in) identity. */
typedef enum { DL_FAN_IN, DL_FAN_OUT } dl_fan;
typedef struct { double gain; int end_; }                 dl_init_xavier_uniform_opts, dl_init_xavier_normal_opts;
typedef struct { double gain, a; dl_fan mode; int end_; } dl_init_he_uniform_opts, dl_init_he_normal_opts;
typedef struct { double std; int end_; }                  dl_init_sparse_opts;
typedef struct { int64_t groups; int end_; }              dl_init_dirac_opts;
DL_API void dl_init_constant(dl_ctx *c, dl_tensor *w, dl_real value);
DL_API void dl_init_zeros(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_ones(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_eye(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_dirac_with(dl_ctx *c, dl_tensor *w, dl_init_dirac_opts o);
DL_API void dl_init_uniform(dl_ctx *c, dl_tensor *w, dl_real low, dl_real high);
DL_API void dl_init_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std);
DL_API void dl_init_trunc_normal(dl_ctx *c, dl_tensor *w, dl_real mean, dl_real std, dl_real low, dl_real high);
DL_API void dl_init_sparse_with(dl_ctx *c, dl_tensor *w, double sparsity, dl_init_sparse_opts o);
DL_API void dl_init_orthogonal(dl_ctx *c, dl_tensor *w, dl_real gain);
DL_API void dl_init_lecun_uniform(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_lecun_normal(dl_ctx *c, dl_tensor *w);
DL_API void dl_init_xavier_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_uniform_opts o);
DL_API void dl_init_xavier_normal_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_normal_opts o);
DL_API void dl_init_he_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_he_uniform_opts o);
DL_API void dl_init_he_normal_with(dl_ctx *c, dl_tensor *w, dl_init_he_normal_opts o);
#define dl_init_dirac(...)           DLI_KW2(dl_init_dirac, __VA_ARGS__)
#define dl_init_sparse(...)          DLI_KW3(dl_init_sparse, __VA_ARGS__)
#define dl_init_xavier_uniform(...)  DLI_KW2(dl_init_xavier_uniform, __VA_ARGS__)
#define dl_init_xavier_normal(...)   DLI_KW2(dl_init_xavier_normal, __VA_ARGS__)
#define dl_init_he_uniform(...)      DLI_KW2(dl_init_he_uniform, __VA_ARGS__)
#define dl_init_he_normal(...)       DLI_KW2(dl_init_he_normal, __VA_ARGS__)
#define dl_init_kaiming_uniform      dl_init_he_uniform
#define dl_init_kaiming_normal       dl_init_he_normal
DL_API int64_t dl_init_fan(dl_ctx *c, const dl_tensor *w, dl_fan mode);
/* "linear", "conv2d", .., "sigmoid": 1, "tanh": 5/3, "relu": sqrt(2), "leaky_relu": sqrt(2 / (1 + slope^2)), slope 0.01,
   "selu": 3/4; else NaN */
typedef struct { double slope; int end_; } dl_init_gain_opts;
DL_API double dl_init_gain_with(const char *nonlinearity, dl_init_gain_opts o);
#define dl_init_gain(...) DLI_KW1(dl_init_gain, __VA_ARGS__)

/* Layer-sequential unit variance (Mishkin and Matas 2016): each parameter called "weight" with two axes or more becomes
   orthogonal, then, layer by layer, is divided by the standard deviation of the layer's output for the batch x until that is
   std within tol, at most max_iter times.  Returns the number of layers. */
typedef struct { double std, tol; int max_iter; int end_; } dl_init_lsuv_opts;                     /* 1, 0.1, 10        */
DL_API int dl_init_lsuv_with(dl_ctx *c, dl_module *m, dl_tensor *x, dl_init_lsuv_opts o);
#define dl_init_lsuv(...) DLI_KW3(dl_init_lsuv, __VA_ARGS__)

/* --- optimizers: one fused pass over the parameters of a module, names and defaults as in torch.optim --------
   0 means the default in the comment, -1 an exact 0.  weight_decay is coupled, g += weight_decay w, where the text does not
   say decoupled: w -= lr weight_decay w.  A parameter without a gradient is left alone.  NaN gradients go into the weights,
   as in PyTorch: look at what dl_clip_grad_norm returns.  Formulas stand above each constructor, see >>optim. */
typedef struct { double lr, momentum, dampening, weight_decay; int nesterov; int end_; } dl_optim_sgd_opts;       /* 1e-3      */
typedef struct { double lr, lambd, alpha, t0, weight_decay; int end_; } dl_optim_asgd_opts;      /* 1e-2, 1e-4, 0.75, 1e6      */
typedef struct { double lr, beta1, beta2, eps, weight_decay;                                     /* 1e-3, 0.9, 0.999, 1e-8, 0; */
                 int amsgrad, no_bias_correction; int end_; } dl_optim_adam_opts, dl_optim_adamw_opts; /* AdamW: decoupled 1e-2 */
typedef struct { double lr, beta1, beta2, eps, weight_decay, momentum_decay; int decoupled_weight_decay; int end_; } dl_optim_nadam_opts;
typedef struct { double lr, beta1, beta2, eps, weight_decay; int decoupled_weight_decay; int end_; } dl_optim_radam_opts;  /* as Adam */
typedef struct { double lr, beta1, beta2, eps, weight_decay; int end_; } dl_optim_adamax_opts;   /* 2e-3, as Adam; NAdam: 2e-3, .., 4e-3 */
typedef struct { double lr, lr_decay, weight_decay, initial_accumulator_value, eps; int end_; } dl_optim_adagrad_opts; /* 1e-2, .., eps 1e-10 */
typedef struct { double lr, rho, eps, weight_decay; int end_; } dl_optim_adadelta_opts;          /* 1, 0.9, 1e-6               */
typedef struct { double lr, alpha, eps, weight_decay, momentum; int centered; int end_; } dl_optim_rmsprop_opts;  /* 1e-2, 0.99, 1e-8 */
typedef struct { double lr, eta_minus, eta_plus, step_min, step_max; int end_; } dl_optim_rprop_opts; /* 1e-2, 0.5, 1.2, 1e-6, 50 */
typedef struct { double lr, beta2_decay, eps1, eps2, d, weight_decay; int end_; } dl_optim_adafactor_opts;
                                                                       /* 1e-2, -0.8, epsilon of the number type, 1e-3, 1; decoupled */
typedef enum { DL_MUON_ORIGINAL, DL_MUON_MATCH_RMS_ADAMW } dl_muon_adjust_lr;
typedef struct { double lr, weight_decay, momentum; int no_nesterov; double eps; int ns_steps; dl_muon_adjust_lr adjust_lr;
                 double adam_lr; int end_; } dl_optim_muon_opts;       /* 1e-3, decoupled 0.1, 0.95, .., 1e-7, 5, .., 3e-4 */
typedef struct { double lr; int max_iter, max_eval; double tolerance_grad, tolerance_change; int history_size, strong_wolfe; int end_; }
        dl_optim_lbfgs_opts;                                           /* 1, 20, max_iter 5 / 4, 1e-7, 1e-9, 100           */
DL_API dl_optim *dl_optim_sgd_with(dl_ctx *c, dl_module *m, dl_optim_sgd_opts o);             /* nesterov: Sutskever et al. 2013 */
DL_API dl_optim *dl_optim_asgd_with(dl_ctx *c, dl_module *m, dl_optim_asgd_opts o);           /* Polyak and Juditsky 1992; state 0: the averages */
DL_API dl_optim *dl_optim_adam_with(dl_ctx *c, dl_module *m, dl_optim_adam_opts o);           /* Kingma and Ba 2015; amsgrad: Reddi et al. 2018 */
DL_API dl_optim *dl_optim_adamw_with(dl_ctx *c, dl_module *m, dl_optim_adamw_opts o);         /* Loshchilov and Hutter 2019 */
DL_API dl_optim *dl_optim_nadam_with(dl_ctx *c, dl_module *m, dl_optim_nadam_opts o);         /* Dozat 2016 */
DL_API dl_optim *dl_optim_radam_with(dl_ctx *c, dl_module *m, dl_optim_radam_opts o);         /* Liu et al. 2020 */
DL_API dl_optim *dl_optim_adamax_with(dl_ctx *c, dl_module *m, dl_optim_adamax_opts o);       /* Kingma and Ba 2015 */
DL_API dl_optim *dl_optim_adagrad_with(dl_ctx *c, dl_module *m, dl_optim_adagrad_opts o);     /* Duchi et al. 2011 */
DL_API dl_optim *dl_optim_adadelta_with(dl_ctx *c, dl_module *m, dl_optim_adadelta_opts o);   /* Zeiler 2012 */
DL_API dl_optim *dl_optim_rmsprop_with(dl_ctx *c, dl_module *m, dl_optim_rmsprop_opts o);     /* Tieleman and Hinton 2012 */
DL_API dl_optim *dl_optim_rprop_with(dl_ctx *c, dl_module *m, dl_optim_rprop_opts o);         /* Riedmiller and Braun 1993; whole batches only */
DL_API dl_optim *dl_optim_adafactor_with(dl_ctx *c, dl_module *m, dl_optim_adafactor_opts o); /* Shazeer and Stern 2018 */
/* Muon (Jordan 2024) for matrices, also (out, ...) as (out, rest); the other parameters by AdamW with adam_lr, 0.9, 0.95 */
DL_API dl_optim *dl_optim_muon_with(dl_ctx *c, dl_module *m, dl_optim_muon_opts o);
/* L-BFGS (Liu and Nocedal 1989): whole batches; up to max_iter iterations in one dl_optim_step_closure */
DL_API dl_optim *dl_optim_lbfgs_with(dl_ctx *c, dl_module *m, dl_optim_lbfgs_opts o);
#define dl_optim_sgd(...)       DLI_KW2(dl_optim_sgd, __VA_ARGS__)
#define dl_optim_asgd(...)      DLI_KW2(dl_optim_asgd, __VA_ARGS__)
#define dl_optim_adam(...)      DLI_KW2(dl_optim_adam, __VA_ARGS__)
#define dl_optim_adamw(...)     DLI_KW2(dl_optim_adamw, __VA_ARGS__)
#define dl_optim_nadam(...)     DLI_KW2(dl_optim_nadam, __VA_ARGS__)
#define dl_optim_radam(...)     DLI_KW2(dl_optim_radam, __VA_ARGS__)
#define dl_optim_adamax(...)    DLI_KW2(dl_optim_adamax, __VA_ARGS__)
#define dl_optim_adagrad(...)   DLI_KW2(dl_optim_adagrad, __VA_ARGS__)
#define dl_optim_adadelta(...)  DLI_KW2(dl_optim_adadelta, __VA_ARGS__)
#define dl_optim_rmsprop(...)   DLI_KW2(dl_optim_rmsprop, __VA_ARGS__)
#define dl_optim_rprop(...)     DLI_KW2(dl_optim_rprop, __VA_ARGS__)
#define dl_optim_adafactor(...) DLI_KW2(dl_optim_adafactor, __VA_ARGS__)
#define dl_optim_muon(...)      DLI_KW2(dl_optim_muon, __VA_ARGS__)
#define dl_optim_lbfgs(...)     DLI_KW2(dl_optim_lbfgs, __VA_ARGS__)

/* Wrappers of another optimizer, which is then stepped through them alone.
   lookahead (Zhang et al. 2019): every k steps the weights go back to the share alpha of their way since the last time.
   SAM (Foret et al. 2021): the gradient is taken at w + rho g / norm(g); needs dl_optim_step_closure. */
typedef struct { int k; double alpha; int end_; } dl_optim_lookahead_opts;                    /* 5, 0.5                */
typedef struct { double rho; int end_; }          dl_optim_sam_opts;                          /* 0.05                  */
DL_API dl_optim *dl_optim_lookahead_with(dl_ctx *c, dl_optim *inner, dl_optim_lookahead_opts o);
DL_API dl_optim *dl_optim_sam_with(dl_ctx *c, dl_optim *inner, dl_optim_sam_opts o);
#define dl_optim_lookahead(...) DLI_KW2(dl_optim_lookahead, __VA_ARGS__)
#define dl_optim_sam(...)       DLI_KW2(dl_optim_sam, __VA_ARGS__)

/* step: update, then clear the gradients; 0 while an error stands.  Gradients of several dl_backward calls before it add up:
   that is gradient accumulation (divide each loss by their number).
   step_closure: the closure begins a step of its own if it likes, computes the loss, calls dl_backward and returns the loss.
   Returns the first loss; NaN after an error, which also leaves the weights as they were. */
typedef dl_tensor *(*dl_closure)(dl_ctx *c, void *user);
DL_API int     dl_optim_step(dl_ctx *c, dl_optim *o);
DL_API double  dl_optim_step_closure(dl_ctx *c, dl_optim *o, dl_closure f, void *user);
DL_API double  dl_optim_lr(const dl_optim *o);
DL_API void    dl_optim_set_lr(dl_optim *o, double lr);                /* also the rate that schedules start from      */
DL_API double  dl_optim_momentum(const dl_optim *o);                   /* or beta1: one_cycle and cyclic change it     */
DL_API int64_t dl_optim_state_bytes(const dl_optim *o);                /* SGD 0, momentum 1, Adam 2 times the weights  */
/* The k-th state array of w, of w's size (Adafactor's are smaller), or NULL: SGD's momentum a, Adam's means a and v.  PyTorch's
   and this nesterov keep w at the look-ahead point; the point itself is w + lr momentum a. */
DL_API const dl_real *dl_optim_state(const dl_optim *o, const dl_tensor *w, int k);

/* Parameters for which the filter is not 0 get a learning rate and a decay of their own; later groups win.  name is that of
   the state_dict.  The ratio to the optimizer's rate stays when that changes.  Returns the number of tensors.
       dl_optim_group(c, opt, dl_is_norm_or_bias, .weight_decay = -1);           no decay on what has less than two axes */
typedef int (*dl_param_filter)(const char *name, const dl_tensor *w, void *user);
typedef struct { double lr, weight_decay; void *user; int end_; } dl_optim_group_opts;        /* 0: the optimizer's     */
DL_API int dl_optim_group_with(dl_ctx *c, dl_optim *o, dl_param_filter f, dl_optim_group_opts opts);
#define dl_optim_group(...) DLI_KW3(dl_optim_group, __VA_ARGS__)
DL_API int dl_is_norm_or_bias(const char *name, const dl_tensor *w, void *user);

/* Between dl_backward and dl_optim_step.  norm: g *= min(1, max_norm / (norm + 1e-6)), returns the norm of all gradients.
   adaptive (Brock et al. 2021): for each output unit norm(g) <= clipping max(norm(w), eps); 0.01, 1e-3.
   noise (Neelakantan et al. 2015): g += N(0, eta / (1 + t)^gamma), t: the step; 0.01, 0.55. */
typedef struct { double clipping, eps; int end_; } dl_clip_grad_adaptive_opts;
typedef struct { double eta, gamma; int end_; }    dl_add_grad_noise_opts;
DL_API double dl_clip_grad_norm(dl_ctx *c, dl_module *m, double max_norm);
DL_API void   dl_clip_grad_value(dl_ctx *c, dl_module *m, double max_value);
DL_API void   dl_clip_grad_adaptive_with(dl_ctx *c, dl_module *m, dl_clip_grad_adaptive_opts o);
DL_API void   dl_add_grad_noise_with(dl_ctx *c, dl_module *m, int64_t t, dl_add_grad_noise_opts o);
#define dl_clip_grad_adaptive(...) DLI_KW2(dl_clip_grad_adaptive, __VA_ARGS__)
#define dl_add_grad_noise(...)     DLI_KW3(dl_add_grad_noise, __VA_ARGS__)

/* Averages of the weights of a module, beside them.  update, after dl_optim_step: a += (1 - decay) (w - a), the first time
   a = w; with .swa the plain mean of all updates (Izmailov et al. 2018).  swap: exchange weights and averages, for evaluation
   or saving; and back.  Buffers stay as they are. */
typedef struct dl_ema dl_ema;
typedef struct { double decay; int swa; int end_; } dl_ema_create_opts;                       /* 0.999                 */
DL_API dl_ema *dl_ema_create_with(dl_ctx *c, dl_module *m, dl_ema_create_opts o);
#define dl_ema_create(...) DLI_KW2(dl_ema_create, __VA_ARGS__)
DL_API int dl_ema_update(dl_ctx *c, dl_ema *e);
DL_API int dl_ema_swap(dl_ctx *c, dl_ema *e);

/* --- schedules of the learning rate, values as in torch.optim.lr_scheduler ------------------------
   A schedule sets the rate of step 0 when it is made, and the next one at each dl_schedule_step, after dl_optim_step; or give
   it to dl_fit.  lr is the optimizer's rate without schedule, t the step.  One schedule an optimizer, chains apart.
   constant:       lr factor while t < total_iters                                          1/3, 5
   linear:         from lr start_factor to lr end_factor in total_iters steps: warm-up      1/3, 1, 5
   step:           lr gamma^floor(t / step_size)                                            0.1
   multi_step:     lr gamma^(number of milestones reached), DL_SHAPE(30, 80)                0.1
   exponential:    lr gamma^t
   inverse:        lr / (1 + gamma t)
   polynomial:     lr (1 - t / total_iters)^power, then 0                                   5, 1
   cosine:         eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2                     0
   cosine_restarts: the same over T_0 steps, then T_mult T_0, ..  (Loshchilov and Hutter 2017)   1, 0
   one_cycle:      max_lr / div_factor up to max_lr in pct_start of the steps, down to a final_div_factor-th of where it began;
                   momentum or beta1 the other way round (Smith and Topin 2018)             0.3, 0.85, 0.95, 25, 1e4
   cyclic:         base_lr to max_lr and back; momentum the other way round (Smith 2017)    2000, step_size_up, .., 1, 0.8, 0.9
   lambda:         lr f(t, user)
   plateau:        dl_schedule_observe(value) in which more than `patience` values in a row are no better than the best by
                   threshold (relative, or .absolute): times factor; then rests for cooldown  0.1, 10, 1e-4, 0, 0, 1e-8
   chained:        all at once, each changes what the one before gives
   sequential:     one behind the other, milestones between them: dl_lr_sequential(c, DL_SHAPE(5), warm_up, cosine) */
typedef struct dl_schedule dl_schedule;
typedef enum { DL_TRIANGULAR, DL_TRIANGULAR2, DL_EXP_RANGE } dl_cyclic_mode;
typedef double (*dl_lr_fn)(int64_t t, void *user);
typedef struct { double factor; int64_t total_iters; int end_; }                   dl_lr_constant_opts;
typedef struct { double start_factor, end_factor; int64_t total_iters; int end_; } dl_lr_linear_opts;
typedef struct { double gamma; int end_; }                                         dl_lr_step_opts, dl_lr_multi_step_opts;
typedef struct { int64_t total_iters; double power; int end_; }                    dl_lr_polynomial_opts;
typedef struct { double eta_min; int end_; }                                       dl_lr_cosine_opts;
typedef struct { int64_t T_mult; double eta_min; int end_; }                       dl_lr_cosine_restarts_opts;
typedef struct { double pct_start; int linear, no_cycle_momentum; double base_momentum, max_momentum, div_factor, final_div_factor;
                 int three_phase; int end_; } dl_lr_one_cycle_opts;                                  /* linear: not cosines */
typedef struct { int64_t step_size_up, step_size_down; dl_cyclic_mode mode; double gamma; int no_cycle_momentum;
                 double base_momentum, max_momentum; int end_; } dl_lr_cyclic_opts;
typedef struct { int max; double factor; int patience; double threshold; int absolute, cooldown; double min_lr, eps; int end_; }
        dl_lr_plateau_opts;                                                                          /* max: more is better */
DL_API dl_schedule *dl_lr_constant_with(dl_ctx *c, dl_optim *o, dl_lr_constant_opts opts);
DL_API dl_schedule *dl_lr_linear_with(dl_ctx *c, dl_optim *o, dl_lr_linear_opts opts);
DL_API dl_schedule *dl_lr_step_with(dl_ctx *c, dl_optim *o, int64_t step_size, dl_lr_step_opts opts);
DL_API dl_schedule *dl_lr_multi_step_with(dl_ctx *c, dl_optim *o, dl_shape milestones, dl_lr_multi_step_opts opts);
DL_API dl_schedule *dl_lr_exponential(dl_ctx *c, dl_optim *o, double gamma);
DL_API dl_schedule *dl_lr_inverse(dl_ctx *c, dl_optim *o, double gamma);
DL_API dl_schedule *dl_lr_polynomial_with(dl_ctx *c, dl_optim *o, dl_lr_polynomial_opts opts);
DL_API dl_schedule *dl_lr_cosine_with(dl_ctx *c, dl_optim *o, int64_t T_max, dl_lr_cosine_opts opts);
DL_API dl_schedule *dl_lr_cosine_restarts_with(dl_ctx *c, dl_optim *o, int64_t T_0, dl_lr_cosine_restarts_opts opts);
DL_API dl_schedule *dl_lr_one_cycle_with(dl_ctx *c, dl_optim *o, double max_lr, int64_t total_steps, dl_lr_one_cycle_opts opts);
DL_API dl_schedule *dl_lr_cyclic_with(dl_ctx *c, dl_optim *o, double base_lr, double max_lr, dl_lr_cyclic_opts opts);
DL_API dl_schedule *dl_lr_lambda(dl_ctx *c, dl_optim *o, dl_lr_fn f, void *user);
DL_API dl_schedule *dl_lr_plateau_with(dl_ctx *c, dl_optim *o, dl_lr_plateau_opts opts);
#define dl_lr_constant(...)        DLI_KW2(dl_lr_constant, __VA_ARGS__)
#define dl_lr_linear(...)          DLI_KW2(dl_lr_linear, __VA_ARGS__)
#define dl_lr_step(...)            DLI_KW3(dl_lr_step, __VA_ARGS__)
#define dl_lr_multi_step(...)      DLI_KW3(dl_lr_multi_step, __VA_ARGS__)
#define dl_lr_polynomial(...)      DLI_KW2(dl_lr_polynomial, __VA_ARGS__)
#define dl_lr_cosine(...)          DLI_KW3(dl_lr_cosine, __VA_ARGS__)
#define dl_lr_cosine_restarts(...) DLI_KW3(dl_lr_cosine_restarts, __VA_ARGS__)
#define dl_lr_one_cycle(...)       DLI_KW4(dl_lr_one_cycle, __VA_ARGS__)
#define dl_lr_cyclic(...)          DLI_KW4(dl_lr_cyclic, __VA_ARGS__)
#define dl_lr_plateau(...)         DLI_KW2(dl_lr_plateau, __VA_ARGS__)
typedef struct { dl_schedule *s[DL_MAX_DIMS + 1]; } dl_schedule_list;                         /* at most 8             */
#define DLI_SCHEDULES_END ((dl_schedule *)(intptr_t)-1)
DL_API dl_schedule *dl_lr_chained_list(dl_ctx *c, dl_schedule_list list);
DL_API dl_schedule *dl_lr_sequential_list(dl_ctx *c, dl_shape milestones, dl_schedule_list list);
#define dl_lr_chained(c, ...)                dl_lr_chained_list(c, DLI_LIT(dl_schedule_list){{__VA_ARGS__, DLI_SCHEDULES_END}})
#define dl_lr_sequential(c, milestones, ...) dl_lr_sequential_list(c, milestones, DLI_LIT(dl_schedule_list){{__VA_ARGS__, DLI_SCHEDULES_END}})
DL_API int dl_schedule_step(dl_ctx *c, dl_schedule *s);
DL_API int dl_schedule_observe(dl_ctx *c, dl_schedule *s, double value);   /* once an epoch, for plateau: the validation loss */

/* --- data ----------------------------------------------------------------------------------------
   A data set is n samples: inputs (n, ...) and targets, either classes, int32 (n), or real (n, ...). */
typedef struct dl_dataset {
    dl_tensor *inputs, *targets;         /* kept                                            */
    int64_t    size;
    int        classes;                  /* of int32 targets: the largest + 1; else 0       */
    const char *const *names;            /* of the classes, or NULL                         */
} dl_dataset;
DL_API dl_dataset *dl_data_tensors(dl_ctx *c, dl_tensor *inputs, dl_tensor *targets);      /* copies what is not kept */
#ifndef DL_NO_STDIO
/* The MNIST files in a folder, (n, 1, 28, 28) in [0, 1]: with .train = 1 the 60,000, else the 10,000. */
typedef struct { int train; int end_; } dl_data_mnist_opts;
DL_API dl_dataset *dl_data_mnist_with(dl_ctx *c, const char *folder, dl_data_mnist_opts o);
#define dl_data_mnist(...) DLI_KW2(dl_data_mnist, __VA_ARGS__)
DL_API dl_tensor  *dl_data_idx(dl_ctx *c, const char *path);   /* an IDX file, in the step; whole numbers become int32 */

/* The binary CIFAR files in a folder, (n, 3, 32, 32) in [0, 1] (Krizhevsky 2009): data_batch_1.bin .. data_batch_5.bin or
   test_batch.bin; for 100 classes train.bin or test.bin, with .coarse = 1 the 20 groups of classes. */
typedef struct { int train; int end_; }         dl_data_cifar10_opts;
typedef struct { int train, coarse; int end_; } dl_data_cifar100_opts;
DL_API dl_dataset *dl_data_cifar10_with(dl_ctx *c, const char *folder, dl_data_cifar10_opts o);
DL_API dl_dataset *dl_data_cifar100_with(dl_ctx *c, const char *folder, dl_data_cifar100_opts o);
#define dl_data_cifar10(...)  DLI_KW2(dl_data_cifar10, __VA_ARGS__)
#define dl_data_cifar100(...) DLI_KW2(dl_data_cifar100, __VA_ARGS__)

/* Pictures in sub-folders, one for each class, in alphabetical order; see dl_image_load.  All must come out equally large. */
typedef struct {
    int resize, crop, channels;          /* as in dl_image_load, but 3 channels             */
    int per_class;                       /* at most so many of each class; 0: all           */
    int end_;
} dl_data_image_folder_opts;
DL_API dl_dataset *dl_data_image_folder_with(dl_ctx *c, const char *folder, dl_data_image_folder_opts o);
#define dl_data_image_folder(...) DLI_KW2(dl_data_image_folder, __VA_ARGS__)
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
    dl_schedule *schedule;               /* stepped after each batch; plateau sees each epoch's loss */
    int         schedule_by_epoch;       /* stepped after each epoch                        */
    double      clip_norm;               /* 0: none                                         */
    dl_loss_fn  loss;
    int         no_shuffle, quiet;       /* quiet: no progress bar                          */
    int end_;
} dl_fit_opts;
DL_API dl_scores dl_fit_with(dl_ctx *c, dl_module *m, dl_optim *o, dl_dataset *train, dl_fit_opts opts);
#define dl_fit(...) DLI_KW4(dl_fit, __VA_ARGS__)


/* --- convolution ----------------------------------------------------------------------------------
   (N, C, H, W) * (K, C/groups, R, S) + (K) -> (N, K, H', W'),  H' = (H + 2 padding - dilation (R - 1) - 1) / stride + 1:
       y[n][k][i][j] = act(b[k] + sum over c, r, s of w[k][c][r][s] x[n][c][i stride - padding + r dilation][j ..])
   (the kernel is not flipped; dl_convolve2d does that).  1-D and 3-D alike; an input without N gives a result without N.
   b may be NULL.  The same options for all of them, 0 being the usual: */
typedef enum { DL_PAD_ZEROS, DL_PAD_REFLECT, DL_PAD_REPLICATE, DL_PAD_CIRCULAR } dl_padding_mode;
typedef struct {
    int stride, padding, dilation, groups;               /* 1, 0, 1, 1; of all axes                                     */
    int strides[3], paddings[3], dilations[3];           /* axis by axis, where it is not 0; DL_ZERO: a padding of 0    */
    int padding_end[3];                                  /* behind the last number, 0: as before the first; DL_ZERO: none */
    int same;                                            /* 1: padding that keeps the size, like padding='same'; stride 1 */
    dl_padding_mode padding_mode;                        /* what the padding repeats                                    */
    dl_activation   activation;                          /* in the same pass                                            */
    int output_padding, output_paddings[3];              /* transposed: rows more at the end of the result              */
    int kernels[3];                                      /* modules, unfold, fold: kernel sizes axis by axis, where not 0 */
    int no_bias;                                         /* modules                                                     */
    int end_;
} dl_conv_opts;
typedef dl_conv_opts dl_conv1d_opts, dl_conv2d_opts, dl_conv3d_opts, dl_conv_transpose1d_opts, dl_conv_transpose2d_opts,
                     dl_conv_transpose3d_opts, dl_unfold_opts, dl_fold_opts, dl_im2col_opts, dl_col2im_opts,
                     dl_nn_conv1d_opts, dl_nn_conv2d_opts, dl_nn_conv3d_opts,
                     dl_nn_conv_transpose1d_opts, dl_nn_conv_transpose2d_opts, dl_nn_conv_transpose3d_opts;
DL_API dl_tensor *dl_conv1d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
DL_API dl_tensor *dl_conv2d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
DL_API dl_tensor *dl_conv3d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
#define dl_conv1d(...) DLI_KW4(dl_conv1d, __VA_ARGS__)
#define dl_conv2d(...) DLI_KW4(dl_conv2d, __VA_ARGS__)
#define dl_conv3d(...) DLI_KW4(dl_conv3d, __VA_ARGS__)

/* Transposed convolution: the gradient of a convolution with respect to its input, as an op.  (N, C, H, W) and weight
   (C, K/groups, R, S) -> (N, K, H', W'),  H' = (H - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1. */
DL_API dl_tensor *dl_conv_transpose1d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
DL_API dl_tensor *dl_conv_transpose2d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
DL_API dl_tensor *dl_conv_transpose3d_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o);
#define dl_conv_transpose1d(...) DLI_KW4(dl_conv_transpose1d, __VA_ARGS__)
#define dl_conv_transpose2d(...) DLI_KW4(dl_conv_transpose2d, __VA_ARGS__)
#define dl_conv_transpose3d(...) DLI_KW4(dl_conv_transpose3d, __VA_ARGS__)

/* Sizes: of a result along one axis (0 if the kernel does not fit), and how many numbers of the input a result of n
   convolutions sees:  r_0 = 1,  r_l = r_{l-1} + (k_l - 1) s_1 .. s_{l-1}  (strides NULL: all 1). */
DL_API int64_t dl_conv_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation);
DL_API int64_t dl_receptive_field(int n, const int64_t *kernels, const int64_t *strides);

/* Convolution in the sense of mathematics, with the kernel flipped:  (a * k)[i] = sum over m of a[i - m] k[m].
   Vectors (n), (m) -> (n + m - 1); images (H, W), (R, S) -> (H + R - 1, W + S - 1); .valid = 1: where the kernel fits. */
typedef struct { int valid; int end_; } dl_convolve1d_opts;
typedef dl_convolve1d_opts dl_convolve2d_opts;
DL_API dl_tensor *dl_convolve1d_with(dl_ctx *c, dl_tensor *a, dl_tensor *k, dl_convolve1d_opts o);
DL_API dl_tensor *dl_convolve2d_with(dl_ctx *c, dl_tensor *a, dl_tensor *k, dl_convolve2d_opts o);
#define dl_convolve1d(...) DLI_KW3(dl_convolve1d, __VA_ARGS__)
#define dl_convolve2d(...) DLI_KW3(dl_convolve2d, __VA_ARGS__)

/* unfold: every window as a column, (N, C, H, W) -> (N, C R S, windows), windows = H' W'.  fold, its adjoint, adds columns
   into an image of the given size {H, W}.  im2col and col2im are the same with a window a row, as in textbooks:
   (N windows, C R S);  y = im2col(x) w^T is the convolution, without its last transpose.  dl_conv2d never stores this matrix. */
DL_API dl_tensor *dl_unfold_with(dl_ctx *c, dl_tensor *x, int64_t kernel, dl_conv_opts o);
DL_API dl_tensor *dl_fold_with(dl_ctx *c, dl_tensor *x, dl_shape size, int64_t kernel, dl_conv_opts o);
DL_API dl_tensor *dl_im2col_with(dl_ctx *c, dl_tensor *x, int64_t kernel, dl_conv_opts o);
DL_API dl_tensor *dl_col2im_with(dl_ctx *c, dl_tensor *x, dl_shape image, int64_t kernel, dl_conv_opts o);   /* image: (N, C, H, W) or (C, H, W) */
#define dl_unfold(...) DLI_KW3(dl_unfold, __VA_ARGS__)
#define dl_fold(...)   DLI_KW4(dl_fold, __VA_ARGS__)
#define dl_im2col(...) DLI_KW3(dl_im2col, __VA_ARGS__)
#define dl_col2im(...) DLI_KW4(dl_col2im, __VA_ARGS__)

/* The last axes of x padded, F.pad with mode: reflect abcd -> dcb abcd cba without the edge twice, replicate aaa abcd ddd,
   circular bcd abcd abc.  pads: as for dl_pad.  pad2d: the same number of rows and columns on all four sides of (.., H, W). */
DL_API dl_tensor *dl_pad_mode(dl_ctx *c, dl_tensor *x, dl_pads pads, dl_padding_mode mode);
typedef struct { dl_padding_mode mode; dl_real value; int end_; } dl_pad2d_opts;       /* value: of DL_PAD_ZEROS, 0 */
DL_API dl_tensor *dl_pad2d_with(dl_ctx *c, dl_tensor *x, int64_t padding, dl_pad2d_opts o);
#define dl_pad2d(...) DLI_KW3(dl_pad2d, __VA_ARGS__)

/* Modules: weight as above and bias (out), both from U(-a, a), a = 1 / sqrt(C/groups R S), as in PyTorch.
   in, out: channels; kernel: its size along all axes (axis by axis: .kernels). */
DL_API dl_module *dl_nn_conv1d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
DL_API dl_module *dl_nn_conv2d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
DL_API dl_module *dl_nn_conv3d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
DL_API dl_module *dl_nn_conv_transpose1d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
DL_API dl_module *dl_nn_conv_transpose2d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
DL_API dl_module *dl_nn_conv_transpose3d_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o);
#define dl_nn_conv1d(...) DLI_KW4(dl_nn_conv1d, __VA_ARGS__)
#define dl_nn_conv2d(...) DLI_KW4(dl_nn_conv2d, __VA_ARGS__)
#define dl_nn_conv3d(...) DLI_KW4(dl_nn_conv3d, __VA_ARGS__)
#define dl_nn_conv_transpose1d(...) DLI_KW4(dl_nn_conv_transpose1d, __VA_ARGS__)
#define dl_nn_conv_transpose2d(...) DLI_KW4(dl_nn_conv_transpose2d, __VA_ARGS__)
#define dl_nn_conv_transpose3d(...) DLI_KW4(dl_nn_conv_transpose3d, __VA_ARGS__)

/* --- pooling --------------------------------------------------------------------------------------
   x is (N, C, L), (N, C, H, W) or (N, C, D, H, W), or the same without N.  A window has one kernel size, stride, padding and
   dilation for all axes, or those of the arrays by axis (0: the common one).  Output size, as in PyTorch:
       floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1;
   with ceil_mode rounded up, but no window begins in the padding on the right.  padding is at most half of a window. */
typedef struct {
    int stride, padding, dilation, ceil_mode;        /* the kernel, 0, 1, 0                                            */
    int kernels[3], strides[3], paddings[3], dilations[3];
    dl_tensor **indices;                             /* out, int32: where in its plane each largest value is           */
    int end_;
} dl_max_pool_opts;
typedef struct {
    int stride, padding, ceil_mode;
    int no_count_include_pad;                        /* 1: divide by the elements that are no padding                  */
    int divisor_override;                            /* 0: divide by the elements of the window                        */
    int kernels[3], strides[3], paddings[3];
    int end_;
} dl_avg_pool_opts;
typedef struct { int stride, ceil_mode; int kernels[3], strides[3]; int end_; } dl_lp_pool_opts;
typedef struct { int sizes[3]; dl_tensor **indices; int end_; } dl_adaptive_max_pool_opts;     /* sizes: output by axis */
typedef struct { int sizes[3]; int end_; } dl_adaptive_avg_pool_opts;
typedef struct { int stride, padding; int kernels[3], strides[3], paddings[3]; int64_t sizes[3]; int end_; } dl_max_unpool_opts;
typedef dl_max_pool_opts dl_max_pool1d_opts, dl_max_pool2d_opts, dl_max_pool3d_opts;
typedef dl_max_pool_opts dl_nn_max_pool1d_opts, dl_nn_max_pool2d_opts, dl_nn_max_pool3d_opts;
typedef dl_avg_pool_opts dl_avg_pool1d_opts, dl_avg_pool2d_opts, dl_avg_pool3d_opts;
typedef dl_avg_pool_opts dl_nn_avg_pool1d_opts, dl_nn_avg_pool2d_opts, dl_nn_avg_pool3d_opts;
typedef dl_lp_pool_opts dl_lp_pool1d_opts, dl_lp_pool2d_opts, dl_lp_pool3d_opts;
typedef dl_lp_pool_opts dl_nn_lp_pool1d_opts, dl_nn_lp_pool2d_opts, dl_nn_lp_pool3d_opts;
typedef dl_adaptive_max_pool_opts dl_adaptive_max_pool1d_opts, dl_adaptive_max_pool2d_opts, dl_adaptive_max_pool3d_opts;
typedef dl_adaptive_max_pool_opts dl_nn_adaptive_max_pool1d_opts, dl_nn_adaptive_max_pool2d_opts, dl_nn_adaptive_max_pool3d_opts;
typedef dl_adaptive_avg_pool_opts dl_adaptive_avg_pool1d_opts, dl_adaptive_avg_pool2d_opts, dl_adaptive_avg_pool3d_opts;
typedef dl_adaptive_avg_pool_opts dl_nn_adaptive_avg_pool1d_opts, dl_nn_adaptive_avg_pool2d_opts, dl_nn_adaptive_avg_pool3d_opts;
typedef dl_max_unpool_opts dl_max_unpool1d_opts, dl_max_unpool2d_opts, dl_max_unpool3d_opts;
/* max_pool: largest value of each window; NaN wins; the gradient goes to the first of equals */
DL_API dl_tensor *dl_max_pool1d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_max_pool1d_opts o);
DL_API dl_tensor *dl_max_pool2d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_max_pool2d_opts o);
DL_API dl_tensor *dl_max_pool3d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_max_pool3d_opts o);
#define dl_max_pool1d(...) DLI_KW3(dl_max_pool1d, __VA_ARGS__)
#define dl_max_pool2d(...) DLI_KW3(dl_max_pool2d, __VA_ARGS__)
#define dl_max_pool3d(...) DLI_KW3(dl_max_pool3d, __VA_ARGS__)
/* avg_pool: y = sum over the window / its size */
DL_API dl_tensor *dl_avg_pool1d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_avg_pool1d_opts o);
DL_API dl_tensor *dl_avg_pool2d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_avg_pool2d_opts o);
DL_API dl_tensor *dl_avg_pool3d_with(dl_ctx *c, dl_tensor *x, int kernel, dl_avg_pool3d_opts o);
#define dl_avg_pool1d(...) DLI_KW3(dl_avg_pool1d, __VA_ARGS__)
#define dl_avg_pool2d(...) DLI_KW3(dl_avg_pool2d, __VA_ARGS__)
#define dl_avg_pool3d(...) DLI_KW3(dl_avg_pool3d, __VA_ARGS__)
/* lp_pool: y = (sum x^p)^(1/p) */
DL_API dl_tensor *dl_lp_pool1d_with(dl_ctx *c, dl_tensor *x, double p, int kernel, dl_lp_pool1d_opts o);
DL_API dl_tensor *dl_lp_pool2d_with(dl_ctx *c, dl_tensor *x, double p, int kernel, dl_lp_pool2d_opts o);
DL_API dl_tensor *dl_lp_pool3d_with(dl_ctx *c, dl_tensor *x, double p, int kernel, dl_lp_pool3d_opts o);
#define dl_lp_pool1d(...) DLI_KW4(dl_lp_pool1d, __VA_ARGS__)
#define dl_lp_pool2d(...) DLI_KW4(dl_lp_pool2d, __VA_ARGS__)
#define dl_lp_pool3d(...) DLI_KW4(dl_lp_pool3d, __VA_ARGS__)
/* adaptive_max_pool: window i of size outputs: floor(i in / size) <= j < ceil((i + 1) in / size) */
DL_API dl_tensor *dl_adaptive_max_pool1d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_max_pool1d_opts o);
DL_API dl_tensor *dl_adaptive_max_pool2d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_max_pool2d_opts o);
DL_API dl_tensor *dl_adaptive_max_pool3d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_max_pool3d_opts o);
#define dl_adaptive_max_pool1d(...) DLI_KW3(dl_adaptive_max_pool1d, __VA_ARGS__)
#define dl_adaptive_max_pool2d(...) DLI_KW3(dl_adaptive_max_pool2d, __VA_ARGS__)
#define dl_adaptive_max_pool3d(...) DLI_KW3(dl_adaptive_max_pool3d, __VA_ARGS__)
/* adaptive_avg_pool: the same windows */
DL_API dl_tensor *dl_adaptive_avg_pool1d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_avg_pool1d_opts o);
DL_API dl_tensor *dl_adaptive_avg_pool2d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_avg_pool2d_opts o);
DL_API dl_tensor *dl_adaptive_avg_pool3d_with(dl_ctx *c, dl_tensor *x, int size, dl_adaptive_avg_pool3d_opts o);
#define dl_adaptive_avg_pool1d(...) DLI_KW3(dl_adaptive_avg_pool1d, __VA_ARGS__)
#define dl_adaptive_avg_pool2d(...) DLI_KW3(dl_adaptive_avg_pool2d, __VA_ARGS__)
#define dl_adaptive_avg_pool3d(...) DLI_KW3(dl_adaptive_avg_pool3d, __VA_ARGS__)
/* max_unpool: y[indices] = x, else 0, in planes of size (in - 1) stride - 2 padding + kernel, or sizes */
DL_API dl_tensor *dl_max_unpool1d_with(dl_ctx *c, dl_tensor *x, dl_tensor *indices, int kernel, dl_max_unpool1d_opts o);
DL_API dl_tensor *dl_max_unpool2d_with(dl_ctx *c, dl_tensor *x, dl_tensor *indices, int kernel, dl_max_unpool2d_opts o);
DL_API dl_tensor *dl_max_unpool3d_with(dl_ctx *c, dl_tensor *x, dl_tensor *indices, int kernel, dl_max_unpool3d_opts o);
#define dl_max_unpool1d(...) DLI_KW4(dl_max_unpool1d, __VA_ARGS__)
#define dl_max_unpool2d(...) DLI_KW4(dl_max_unpool2d, __VA_ARGS__)
#define dl_max_unpool3d(...) DLI_KW4(dl_max_unpool3d, __VA_ARGS__)
DL_API dl_tensor *dl_global_avg_pool2d(dl_ctx *c, dl_tensor *x);                    /* (N, C, H, W) -> (N, C, 1, 1)             */
DL_API dl_tensor *dl_global_max_pool2d(dl_ctx *c, dl_tensor *x);

/* Spatial pyramid pooling (He et al. 2015): the largest values of bins x bins windows, for each number of bins, side by side:
   (N, C, H, W) -> (N, C sum bins^2), first all of the first pyramid level.  bins ends at its first 0; 1, 2, 4 if empty. */
typedef struct { int bins[8]; int end_; } dl_spatial_pyramid_pool_opts;
DL_API dl_tensor *dl_spatial_pyramid_pool_with(dl_ctx *c, dl_tensor *x, dl_spatial_pyramid_pool_opts o);
#define dl_spatial_pyramid_pool(...) DLI_KW2(dl_spatial_pyramid_pool, __VA_ARGS__)

/* their modules */
DL_API dl_module *dl_nn_max_pool1d_with(dl_ctx *c, int kernel, dl_nn_max_pool1d_opts o);
DL_API dl_module *dl_nn_max_pool2d_with(dl_ctx *c, int kernel, dl_nn_max_pool2d_opts o);
DL_API dl_module *dl_nn_max_pool3d_with(dl_ctx *c, int kernel, dl_nn_max_pool3d_opts o);
#define dl_nn_max_pool1d(...) DLI_KW2(dl_nn_max_pool1d, __VA_ARGS__)
#define dl_nn_max_pool2d(...) DLI_KW2(dl_nn_max_pool2d, __VA_ARGS__)
#define dl_nn_max_pool3d(...) DLI_KW2(dl_nn_max_pool3d, __VA_ARGS__)
DL_API dl_module *dl_nn_avg_pool1d_with(dl_ctx *c, int kernel, dl_nn_avg_pool1d_opts o);
DL_API dl_module *dl_nn_avg_pool2d_with(dl_ctx *c, int kernel, dl_nn_avg_pool2d_opts o);
DL_API dl_module *dl_nn_avg_pool3d_with(dl_ctx *c, int kernel, dl_nn_avg_pool3d_opts o);
#define dl_nn_avg_pool1d(...) DLI_KW2(dl_nn_avg_pool1d, __VA_ARGS__)
#define dl_nn_avg_pool2d(...) DLI_KW2(dl_nn_avg_pool2d, __VA_ARGS__)
#define dl_nn_avg_pool3d(...) DLI_KW2(dl_nn_avg_pool3d, __VA_ARGS__)
DL_API dl_module *dl_nn_lp_pool1d_with(dl_ctx *c, double p, int kernel, dl_nn_lp_pool1d_opts o);
DL_API dl_module *dl_nn_lp_pool2d_with(dl_ctx *c, double p, int kernel, dl_nn_lp_pool2d_opts o);
DL_API dl_module *dl_nn_lp_pool3d_with(dl_ctx *c, double p, int kernel, dl_nn_lp_pool3d_opts o);
#define dl_nn_lp_pool1d(...) DLI_KW3(dl_nn_lp_pool1d, __VA_ARGS__)
#define dl_nn_lp_pool2d(...) DLI_KW3(dl_nn_lp_pool2d, __VA_ARGS__)
#define dl_nn_lp_pool3d(...) DLI_KW3(dl_nn_lp_pool3d, __VA_ARGS__)
DL_API dl_module *dl_nn_adaptive_max_pool1d_with(dl_ctx *c, int size, dl_nn_adaptive_max_pool1d_opts o);
DL_API dl_module *dl_nn_adaptive_max_pool2d_with(dl_ctx *c, int size, dl_nn_adaptive_max_pool2d_opts o);
DL_API dl_module *dl_nn_adaptive_max_pool3d_with(dl_ctx *c, int size, dl_nn_adaptive_max_pool3d_opts o);
#define dl_nn_adaptive_max_pool1d(...) DLI_KW2(dl_nn_adaptive_max_pool1d, __VA_ARGS__)
#define dl_nn_adaptive_max_pool2d(...) DLI_KW2(dl_nn_adaptive_max_pool2d, __VA_ARGS__)
#define dl_nn_adaptive_max_pool3d(...) DLI_KW2(dl_nn_adaptive_max_pool3d, __VA_ARGS__)
DL_API dl_module *dl_nn_adaptive_avg_pool1d_with(dl_ctx *c, int size, dl_nn_adaptive_avg_pool1d_opts o);
DL_API dl_module *dl_nn_adaptive_avg_pool2d_with(dl_ctx *c, int size, dl_nn_adaptive_avg_pool2d_opts o);
DL_API dl_module *dl_nn_adaptive_avg_pool3d_with(dl_ctx *c, int size, dl_nn_adaptive_avg_pool3d_opts o);
#define dl_nn_adaptive_avg_pool1d(...) DLI_KW2(dl_nn_adaptive_avg_pool1d, __VA_ARGS__)
#define dl_nn_adaptive_avg_pool2d(...) DLI_KW2(dl_nn_adaptive_avg_pool2d, __VA_ARGS__)
#define dl_nn_adaptive_avg_pool3d(...) DLI_KW2(dl_nn_adaptive_avg_pool3d, __VA_ARGS__)
DL_API dl_module *dl_nn_global_avg_pool2d(dl_ctx *c);
DL_API dl_module *dl_nn_global_max_pool2d(dl_ctx *c);

/* --- resampling and layout -------------------------------------------------------------------------
   interpolate: the spatial axes of (N, C, L), (N, C, H, W) or (N, C, D, H, W) to .size or by the factors .scale, by axis;
   one scale stands for all.  As in PyTorch: output i is made at input position (i + 1/2) in / out - 1/2 or, with
   align_corners, i (in - 1) / (out - 1);  nearest: floor(i in / out).  bicubic: Keys 1981, a = -3/4.  area: adaptive average.
   antialias (bilinear and bicubic): when the image becomes smaller, the filters become as much wider. */
typedef enum { DL_NEAREST, DL_BILINEAR, DL_BICUBIC, DL_AREA, DL_NEAREST_EXACT } dl_resample;
#define DL_TRILINEAR DL_BILINEAR                                  /* linear along every axis; 1-D: torch's "linear"      */
typedef struct {
    int64_t     size[3];
    double      scale[3];
    dl_resample mode;                                            /* DL_NEAREST                                          */
    int         align_corners, antialias;
    int end_;
} dl_interpolate_opts;
typedef dl_interpolate_opts dl_nn_upsample_opts;
DL_API dl_tensor *dl_interpolate_with(dl_ctx *c, dl_tensor *x, dl_interpolate_opts o);
#define dl_interpolate(...) DLI_KW2(dl_interpolate, __VA_ARGS__)
typedef struct { dl_resample mode; int align_corners; int end_; } dl_upsample2d_opts;
DL_API dl_tensor *dl_upsample2d_with(dl_ctx *c, dl_tensor *x, double scale, dl_upsample2d_opts o);     /* (N, C, H, W) by one factor */
#define dl_upsample2d(...) DLI_KW3(dl_upsample2d, __VA_ARGS__)
DL_API dl_tensor *dl_pixel_shuffle(dl_ctx *c, dl_tensor *x, int r);               /* (.., C r^2, H, W) -> (.., C, H r, W r), Shi et al. 2016 */
DL_API dl_tensor *dl_pixel_unshuffle(dl_ctx *c, dl_tensor *x, int r);             /* the inverse                               */
DL_API dl_tensor *dl_to_nhwc(dl_ctx *c, dl_tensor *x);                            /* (N, C, H, W) -> (N, H, W, C)              */
DL_API dl_tensor *dl_to_nchw(dl_ctx *c, dl_tensor *x);                            /* (N, H, W, C) -> (N, C, H, W)              */

/* Spatial transformers (Jaderberg et al. 2015).  A grid holds positions (x, y) or (x, y, z) in units where -1 and 1 are the
   centres (align_corners) or the outer edges of the border pixels.
   affine_grid: theta (N, 2, 3) or (N, 3, 4) -> the grid theta (x, y, 1), for a picture of size (N, C, H, W) or (N, C, D, H, W).
   grid_sample: x (N, C, H, W), grid (N, H', W', 2) -> (N, C, H', W'), or 5 axes with (N, D', H', W', 3), not bicubic. */
typedef struct { int align_corners; int end_; } dl_affine_grid_opts;
typedef struct {
    int             nearest, bicubic;                            /* 0, 0: linear                                        */
    dl_padding_mode padding;                                     /* outside: DL_PAD_ZEROS; DL_PAD_REPLICATE is torch's "border" */
    int             align_corners;
    int end_;
} dl_grid_sample_opts;
DL_API dl_tensor *dl_affine_grid_with(dl_ctx *c, dl_tensor *theta, dl_shape size, dl_affine_grid_opts o);
#define dl_affine_grid(...) DLI_KW3(dl_affine_grid, __VA_ARGS__)
DL_API dl_tensor *dl_grid_sample_with(dl_ctx *c, dl_tensor *x, dl_tensor *grid, dl_grid_sample_opts o);
#define dl_grid_sample(...) DLI_KW3(dl_grid_sample, __VA_ARGS__)
DL_API dl_module *dl_nn_upsample_with(dl_ctx *c, double scale, dl_nn_upsample_opts o);                 /* by scale, or to .size */
#define dl_nn_upsample(...) DLI_KW2(dl_nn_upsample, __VA_ARGS__)
DL_API dl_module *dl_nn_pixel_shuffle(dl_ctx *c, int r);
DL_API dl_module *dl_nn_pixel_unshuffle(dl_ctx *c, int r);

/* --- regularisers of feature maps: in evaluation mode all return x ---------------------------------
   dropout1d, 2d, 3d: whole channels of (N, C, spatial) or (C, spatial) (Tompson et al. 2015); 2d also takes (N, C, L).
   alpha_dropout: what is dropped becomes -1.7581, then mean and variance are restored, for SELU (Klambauer et al. 2017).
   drop_block2d: squares of (N, C, H, W), with share p of the elements dropped, the others scaled to keep the sum (Ghiasi et al. 2018).
   stochastic_depth: samples, or with .batch = 1 all of x (Huang et al. 2016); for residual branches. */
DL_API dl_tensor *dl_dropout1d(dl_ctx *c, dl_tensor *x, dl_real p);
DL_API dl_tensor *dl_dropout2d(dl_ctx *c, dl_tensor *x, dl_real p);
DL_API dl_tensor *dl_dropout3d(dl_ctx *c, dl_tensor *x, dl_real p);
DL_API dl_tensor *dl_alpha_dropout(dl_ctx *c, dl_tensor *x, dl_real p);
DL_API dl_tensor *dl_feature_alpha_dropout(dl_ctx *c, dl_tensor *x, dl_real p);                        /* whole channels of (N, C, ..) */
DL_API dl_tensor *dl_drop_block2d(dl_ctx *c, dl_tensor *x, dl_real p, int block_size);
typedef struct { int batch; int end_; } dl_stochastic_depth_opts;
typedef dl_stochastic_depth_opts dl_nn_stochastic_depth_opts;
DL_API dl_tensor *dl_stochastic_depth_with(dl_ctx *c, dl_tensor *x, dl_real p, dl_stochastic_depth_opts o);
#define dl_stochastic_depth(...) DLI_KW3(dl_stochastic_depth, __VA_ARGS__)
DL_API dl_module *dl_nn_dropout1d(dl_ctx *c, dl_real p);
DL_API dl_module *dl_nn_dropout2d(dl_ctx *c, dl_real p);
DL_API dl_module *dl_nn_dropout3d(dl_ctx *c, dl_real p);
DL_API dl_module *dl_nn_alpha_dropout(dl_ctx *c, dl_real p);
DL_API dl_module *dl_nn_feature_alpha_dropout(dl_ctx *c, dl_real p);
DL_API dl_module *dl_nn_drop_block2d(dl_ctx *c, dl_real p, int block_size);
DL_API dl_module *dl_nn_stochastic_depth_with(dl_ctx *c, dl_real p, dl_nn_stochastic_depth_opts o);
#define dl_nn_stochastic_depth(...) DLI_KW2(dl_nn_stochastic_depth, __VA_ARGS__)

/* --- normalisation -------------------------------------------------------------------------------
   y = (x - mean) / sqrt(var + eps) weight + bias, var = mean (x - mean)^2; weight and bias may be NULL.  They differ in what
   mean and var are taken over and in the shape of weight and bias.
   eps is 1e-5, -1: an exact 0.  The mean is subtracted first: values far from 0 lose no digits.

   batch: each channel over everything else, x (N, C) or (N, C, L..), weight and bias (C)   Ioffe and Szegedy 2015
     training (dl_set_training): mean and var of the batch, of which there must be more than one value a channel, and
     running <- (1 - momentum) running + momentum batch, var there with n - 1; evaluation: the running ones instead.  Without
     running statistics (both NULL) always the batch's.   y = activation(.. + residual), residual shaped like x */
typedef struct {
    dl_real       eps, momentum;         /* 1e-5, 0.1                                       */
    dl_activation activation;
    dl_tensor    *residual;
    int end_;
} dl_batch_norm_opts;
DL_API dl_tensor *dl_batch_norm_with(dl_ctx *c, dl_tensor *x, dl_tensor *running_mean, dl_tensor *running_var, dl_tensor *weight,
                                     dl_tensor *bias, dl_batch_norm_opts o);
#define dl_batch_norm(...) DLI_KW6(dl_batch_norm, __VA_ARGS__)

/* layer: each sample over the last axes, which are `shape`, like weight and bias           Ba et al. 2016
   rms: the same with mean 0 and without bias; eps is the smallest e with 1 + e > 1         Zhang and Sennrich 2019
   group: each sample over groups of C / groups channels; weight and bias (C)               Wu and He 2018
   instance: each channel of each sample; weight and bias (C)                               Ulyanov et al. 2016 */
typedef struct { dl_real eps; int end_; } dl_layer_norm_opts, dl_rms_norm_opts, dl_group_norm_opts, dl_instance_norm_opts;
DL_API dl_tensor *dl_layer_norm_with(dl_ctx *c, dl_tensor *x, dl_shape shape, dl_tensor *weight, dl_tensor *bias, dl_layer_norm_opts o);
DL_API dl_tensor *dl_rms_norm_with(dl_ctx *c, dl_tensor *x, dl_shape shape, dl_tensor *weight, dl_rms_norm_opts o);
DL_API dl_tensor *dl_group_norm_with(dl_ctx *c, dl_tensor *x, int64_t groups, dl_tensor *weight, dl_tensor *bias, dl_group_norm_opts o);
DL_API dl_tensor *dl_instance_norm_with(dl_ctx *c, dl_tensor *x, dl_tensor *weight, dl_tensor *bias, dl_instance_norm_opts o);
#define dl_layer_norm(...)    DLI_KW5(dl_layer_norm, __VA_ARGS__)
#define dl_rms_norm(...)      DLI_KW4(dl_rms_norm, __VA_ARGS__)
#define dl_group_norm(...)    DLI_KW5(dl_group_norm, __VA_ARGS__)
#define dl_instance_norm(...) DLI_KW4(dl_instance_norm, __VA_ARGS__)

/* y_c = x_c / (k + alpha mean of x_j^2)^beta, the `size` channels j around c, those outside being 0; with .sum = 1 the sum of
   x_j^2 instead of the mean, as Krizhevsky et al. 2012 write it, with k 2, size 5.  x (N, C) or (N, C, L..) */
typedef struct { dl_real alpha, beta, k; int sum; int end_; } dl_local_response_norm_opts;  /* 1e-4, 0.75, 1; -1: 0 */
DL_API dl_tensor *dl_local_response_norm_with(dl_ctx *c, dl_tensor *x, int64_t size, dl_local_response_norm_opts o);
#define dl_local_response_norm(...) DLI_KW3(dl_local_response_norm, __VA_ARGS__)

/* The modules.  batchnorm1d wants (N, C) or (N, C, L), 2d (N, C, H, W), 3d (N, C, D, H, W); parameters weight (ones) and bias
   (zeros), buffers running_mean, running_var, num_batches_tracked.
   no_affine: without weight and bias; no_track: without running statistics; cumulative: running statistics are the plain
   means over all batches, PyTorch's momentum=None. */
typedef struct { dl_real eps, momentum; int no_affine, no_track, cumulative; int end_; }
    dl_nn_batchnorm1d_opts, dl_nn_batchnorm2d_opts, dl_nn_batchnorm3d_opts;
DL_API dl_module *dl_nn_batchnorm1d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm1d_opts o);
DL_API dl_module *dl_nn_batchnorm2d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm2d_opts o);
DL_API dl_module *dl_nn_batchnorm3d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm3d_opts o);
#define dl_nn_batchnorm1d(...) DLI_KW2(dl_nn_batchnorm1d, __VA_ARGS__)
#define dl_nn_batchnorm2d(...) DLI_KW2(dl_nn_batchnorm2d, __VA_ARGS__)
#define dl_nn_batchnorm3d(...) DLI_KW2(dl_nn_batchnorm3d, __VA_ARGS__)

/* activation(batchnorm(x) + residual) in one pass: the end of a residual block.  m is one of the three above. */
typedef struct { dl_activation activation; dl_tensor *residual; int end_; } dl_batchnorm_forward_opts;
DL_API dl_tensor *dl_batchnorm_forward_with(dl_ctx *c, dl_module *m, dl_tensor *x, dl_batchnorm_forward_opts o);
#define dl_batchnorm_forward(...) DLI_KW3(dl_batchnorm_forward, __VA_ARGS__)

/* For inference, the weights of a linear or convolution (K, ..) that does the batch norm behind it as well (bias may be NULL):
   w_k <- w_k a_k,  b_k <- (b_k - mean_k) a_k + norm_bias_k,  a_k = norm_weight_k / sqrt(var_k + eps).  Results are in the step,
   without gradients; 0 after an error.  dl_nn_sequential does so by itself, without gradients and in evaluation mode. */
DL_API int dl_fuse_conv_bn_weights(dl_ctx *c, dl_tensor *w, dl_tensor *b, dl_tensor *running_mean, dl_tensor *running_var, dl_real eps,
                                   dl_tensor *norm_weight, dl_tensor *norm_bias, dl_tensor **fused_w, dl_tensor **fused_b);

typedef struct { dl_real eps; int no_affine, no_bias; int end_; } dl_nn_layernorm_opts, dl_nn_rmsnorm_opts, dl_nn_groupnorm_opts;
typedef struct { dl_real eps; int affine; int end_; } dl_nn_instancenorm1d_opts, dl_nn_instancenorm2d_opts, dl_nn_instancenorm3d_opts;
typedef dl_local_response_norm_opts dl_nn_local_response_norm_opts;
DL_API dl_module *dl_nn_layernorm_with(dl_ctx *c, dl_shape shape, dl_nn_layernorm_opts o);
DL_API dl_module *dl_nn_rmsnorm_with(dl_ctx *c, dl_shape shape, dl_nn_rmsnorm_opts o);
DL_API dl_module *dl_nn_groupnorm_with(dl_ctx *c, int64_t groups, int64_t channels, dl_nn_groupnorm_opts o);
DL_API dl_module *dl_nn_instancenorm1d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm1d_opts o);
DL_API dl_module *dl_nn_instancenorm2d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm2d_opts o);
DL_API dl_module *dl_nn_instancenorm3d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm3d_opts o);
DL_API dl_module *dl_nn_local_response_norm_with(dl_ctx *c, int64_t size, dl_nn_local_response_norm_opts o);
#define dl_nn_layernorm(...)           DLI_KW2(dl_nn_layernorm, __VA_ARGS__)
#define dl_nn_rmsnorm(...)             DLI_KW2(dl_nn_rmsnorm, __VA_ARGS__)
#define dl_nn_groupnorm(...)           DLI_KW3(dl_nn_groupnorm, __VA_ARGS__)
#define dl_nn_instancenorm1d(...)      DLI_KW2(dl_nn_instancenorm1d, __VA_ARGS__)
#define dl_nn_instancenorm2d(...)      DLI_KW2(dl_nn_instancenorm2d, __VA_ARGS__)
#define dl_nn_instancenorm3d(...)      DLI_KW2(dl_nn_instancenorm3d, __VA_ARGS__)
#define dl_nn_local_response_norm(...) DLI_KW2(dl_nn_local_response_norm, __VA_ARGS__)

/* Reparametrize the parameter "weight" of m and return m, as torch.nn.utils.parametrizations do; m's struct must hold the
   pointer that dl_module_param gave.  m's state is then named like PyTorch's.
   weight_norm:   w = g v / norm of v, the norm over all axes but .dim; Salimans and Kingma 2016
                  g, v: parametrizations.weight.original0, original1
   spectral_norm: w = v / sigma, sigma = u^T v' z the largest singular value of v as a matrix v' whose rows are axis .dim;
                  u and z improve by .power_iterations (1) steps of the power method at each forward in training; Miyato et
                  al. 2018.  v: parametrizations.weight.original; u, z: the buffers parametrizations.weight.0._u, _v */
typedef struct { int dim; int end_; } dl_nn_weight_norm_opts;
typedef struct { int power_iterations; dl_real eps; int dim; int end_; } dl_nn_spectral_norm_opts;       /* 1, 1e-12, 0 */
DL_API dl_module *dl_nn_weight_norm_with(dl_ctx *c, dl_module *m, dl_nn_weight_norm_opts o);
DL_API dl_module *dl_nn_spectral_norm_with(dl_ctx *c, dl_module *m, dl_nn_spectral_norm_opts o);
#define dl_nn_weight_norm(...)   DLI_KW2(dl_nn_weight_norm, __VA_ARGS__)
#define dl_nn_spectral_norm(...) DLI_KW2(dl_nn_spectral_norm, __VA_ARGS__)

/* --- detection and segmentation ------------------------------------------------------------------
   Boxes are rows (x1, y1, x2, y2) of a real tensor (N, 4), as in torchvision.ops.  There are no empty tensors: where nothing is
   found, a function gives NULL, and NULL is accepted as "none". */
typedef enum { DL_XYXY, DL_XYWH, DL_CXCYWH } dl_box_format;    /* corners; first corner and size; centre and size    */
DL_API dl_tensor *dl_box_convert(dl_ctx *c, dl_tensor *boxes, dl_box_format from, dl_box_format to);
DL_API dl_tensor *dl_box_area(dl_ctx *c, dl_tensor *boxes);                          /* (N, 4) -> (N)                            */
DL_API dl_tensor *dl_box_clip(dl_ctx *c, dl_tensor *boxes, double height, double width);   /* to 0 <= x <= width, 0 <= y <= height     */

/* iou:  area(a and b) / area(a or b), of all pairs: (N, 4), (M, 4) -> (N, M)
   giou: iou - (area(hull) - area(a or b)) / area(hull), hull: the smallest box around both; Rezatofighi et al. 2019
   giou_loss: l = 1 - giou of pair i, (N, 4) with (N, 4), its fractions divided by their denominators + 1e-7 */
typedef struct { dl_reduction reduction; int end_; } dl_giou_loss_opts;
DL_API dl_tensor *dl_box_iou(dl_ctx *c, dl_tensor *a, dl_tensor *b);
DL_API dl_tensor *dl_box_giou(dl_ctx *c, dl_tensor *a, dl_tensor *b);
DL_API dl_tensor *dl_giou_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_giou_loss_opts o);
#define dl_giou_loss(...) DLI_KW3(dl_giou_loss, __VA_ARGS__)

/* Boxes as deltas (N, 4) from anchors, Girshick et al. 2014:  tx = (x - xa) / wa,  ty = (y - ya) / ha,  tw = log(w / wa),
   th = log(h / ha), each times its weight (1); x, y: centres.  decode is the way back, tw and th at most log(1000 / 16). */
typedef struct { dl_real weights[4]; int end_; } dl_box_encode_opts, dl_box_decode_opts;
DL_API dl_tensor *dl_box_encode_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *anchors, dl_box_encode_opts o);
DL_API dl_tensor *dl_box_decode_with(dl_ctx *c, dl_tensor *deltas, dl_tensor *anchors, dl_box_decode_opts o);
#define dl_box_encode(...) DLI_KW3(dl_box_encode, __VA_ARGS__)
#define dl_box_decode(...) DLI_KW3(dl_box_decode, __VA_ARGS__)

/* Anchors of a feature map of height x width places: (height width A, 4), A boxes around each place, for each ratio (height /
   width) each size (the root of the area).  Place (i, j) lies at ((j + offset) stride, (i + offset) stride).  Lists end at their
   first 0; usual: sizes 128, 256, 512, ratios 0.5, 1, 2, stride 16, offset 0. */
typedef struct { dl_real sizes[8], ratios[8], stride, offset; int end_; } dl_anchors_opts;
DL_API dl_tensor *dl_anchors_with(dl_ctx *c, int64_t height, int64_t width, dl_anchors_opts o);
#define dl_anchors(...) DLI_KW3(dl_anchors, __VA_ARGS__)

/* For each box the index of the true box that it overlaps most, int32 (N), if that iou >= high (0.5); -1 (background) if it is
   < low (as high); -2 in between.  .best: boxes that overlap a true box more than all others belong to it in any case. */
typedef struct { dl_real high, low; int best; int end_; } dl_box_match_opts;
DL_API dl_tensor *dl_box_match_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *truth, dl_box_match_opts o);
#define dl_box_match(...) DLI_KW3(dl_box_match, __VA_ARGS__)

/* Non-maximum suppression: int32 indices of the boxes that stay, best score first; one goes if its iou with a better one that
   stays is above the threshold (and, with .classes, int32 (N), it is of the same class). */
typedef struct { dl_tensor *classes; int end_; } dl_nms_opts;
DL_API dl_tensor *dl_nms_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *scores, double iou_threshold, dl_nms_opts o);
#define dl_nms(...) DLI_KW4(dl_nms, __VA_ARGS__)

/* Proposals for the objects of a picture (C, H, W): boxes (K, 4) of all regions that arise when neighbours that look alike are
   merged one by one, the last merged first.  Selective search, Uijlings et al. 2013 (colour, size and fill), which begins with the
   segments of Felzenszwalb and Huttenlocher 2004: larger with scale (0.5, for values in [0, 1]), of at least min_size (20) pixels.
   For a plain grid of boxes take dl_anchors and dl_box_clip. */
typedef struct { dl_real scale; int min_size; int end_; } dl_region_proposals_opts;
DL_API dl_tensor *dl_region_proposals_with(dl_ctx *c, dl_tensor *image, dl_region_proposals_opts o);
#define dl_region_proposals(...) DLI_KW2(dl_region_proposals, __VA_ARGS__)

/* All size x size patches, row by row: (N, C, H, W) or (C, H, W) -> (N P, C, size, size), P = P' P'', P' = (H - size) / stride + 1 */
typedef struct { int stride; int end_; } dl_sliding_window_opts;                     /* 1 */
DL_API dl_tensor *dl_sliding_window_with(dl_ctx *c, dl_tensor *x, int64_t size, dl_sliding_window_opts o);
#define dl_sliding_window(...) DLI_KW3(dl_sliding_window, __VA_ARGS__)

/* Regions of interest of feature maps x (N, C, H, W) as (K, C, height, width).  rois (K, 5): index of the map, x1, y1, x2, y2 in
   pixels, which times spatial_scale (1) are places of the map.  Gradients for x only.
   roi_pool:  the largest value of each bin, bounds rounded; Girshick 2015
   roi_align: the mean of sampling_ratio^2 points of each bin, interpolated bilinearly; 0: as many as the bin has places;
              aligned: moved by half a pixel, which is correct; He et al. 2017 */
typedef struct { dl_real spatial_scale; int end_; } dl_roi_pool_opts;
typedef struct { dl_real spatial_scale; int sampling_ratio, aligned; int end_; } dl_roi_align_opts;
DL_API dl_tensor *dl_roi_pool_with(dl_ctx *c, dl_tensor *x, dl_tensor *rois, int64_t height, int64_t width, dl_roi_pool_opts o);
DL_API dl_tensor *dl_roi_align_with(dl_ctx *c, dl_tensor *x, dl_tensor *rois, int64_t height, int64_t width, dl_roi_align_opts o);
#define dl_roi_pool(...)  DLI_KW5(dl_roi_pool, __VA_ARGS__)
#define dl_roi_align(...) DLI_KW5(dl_roi_align, __VA_ARGS__)

/* Loss of a region proposal network for one picture, Ren et al. 2015: objectness logits (A) and deltas (A, 4) of the anchors (A, 4),
   truth (M, 4) or NULL.  Anchors are matched with high (0.7), low (0.3) and .best; samples (256) of them are drawn, at most half
   of them matched; the mean of bce_with_logits, plus box_weight (1) times smooth_l1 (beta 1/9) of the matched over all drawn. */
typedef struct { dl_real high, low, box_weight; int samples; int end_; } dl_rpn_loss_opts;
DL_API dl_tensor *dl_rpn_loss_with(dl_ctx *c, dl_tensor *objectness, dl_tensor *deltas, dl_tensor *anchors, dl_tensor *truth, dl_rpn_loss_opts o);
#define dl_rpn_loss(...) DLI_KW5(dl_rpn_loss, __VA_ARGS__)

/* Truth of a batch of pictures: rows (picture, class, x1, y1, x2, y2), (M, 6).  Detections: rows (picture, class, score, x1, y1,
   x2, y2), (D, 7).
   yolo_loss: one grid of S x S cells, Redmon et al. 2016.  pred (N, S, S, 5 B + C): for each of B boxes (2) x, y (the centre
       within the cell), the roots of w and h (of the picture), confidence; then C class scores.  truth in units of the picture,
       0 to 1, or NULL.  In the cell with an object's centre the box of the largest iou answers for it:
       l = coord (5) ((x - x')^2 + (y - y')^2 + (sqrt w - sqrt w')^2 + (sqrt h - sqrt h')^2) + (confidence - iou)^2 + sum (class - class')^2;
       every other box has noobj (0.5) confidence^2.  The sum over N.
   yolo_decode: pred as detections, (N S S B, 7), score = confidence times the largest class score.
   detections_nms: those with a score of at least min_score (0) that survive nms in their picture and class; NULL if none. */
typedef struct { int boxes; dl_real coord, noobj; int end_; } dl_yolo_loss_opts;
typedef struct { int boxes; int end_; } dl_yolo_decode_opts;
typedef struct { dl_real min_score; int end_; } dl_detections_nms_opts;
DL_API dl_tensor *dl_yolo_loss_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, dl_yolo_loss_opts o);
DL_API dl_tensor *dl_yolo_decode_with(dl_ctx *c, dl_tensor *pred, dl_yolo_decode_opts o);
DL_API dl_tensor *dl_detections_nms_with(dl_ctx *c, dl_tensor *detections, double iou_threshold, dl_detections_nms_opts o);
#define dl_yolo_loss(...)      DLI_KW3(dl_yolo_loss, __VA_ARGS__)
#define dl_yolo_decode(...)    DLI_KW2(dl_yolo_decode, __VA_ARGS__)
#define dl_detections_nms(...) DLI_KW3(dl_detections_nms, __VA_ARGS__)

/* Metrics, NaN after an error.
   ap: of detections (NULL: none) against truth at iou >= 0.5: by falling score, a detection is right if the true box of its
       picture and class that it overlaps most is not taken yet; precision p(r) by recall r, made falling from the right; the area
       below it (all points, as in VOC 2010 and later), averaged over the classes of truth
   pixel_accuracy: share of pixels with prediction = truth, int32 tensors of one shape; ignore_index (-100) does not count
   miou: mean over the classes that occur of  pixels in both / pixels in either  (Everingham et al. 2010) */
typedef struct { dl_real iou; int end_; } dl_metric_ap_opts;
typedef struct { int ignore_index; int end_; } dl_metric_pixel_accuracy_opts, dl_metric_miou_opts;
DL_API double dl_metric_ap_with(dl_ctx *c, dl_tensor *detections, dl_tensor *truth, dl_metric_ap_opts o);
DL_API double dl_metric_pixel_accuracy_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, dl_metric_pixel_accuracy_opts o);
DL_API double dl_metric_miou_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, int classes, dl_metric_miou_opts o);
#define dl_metric_ap(...)             DLI_KW3(dl_metric_ap, __VA_ARGS__)
#define dl_metric_pixel_accuracy(...) DLI_KW3(dl_metric_pixel_accuracy, __VA_ARGS__)
#define dl_metric_miou(...)           DLI_KW4(dl_metric_miou, __VA_ARGS__)

/* --- losses --------------------------------------------------------------------------------------
   Names, formulas, defaults and conventions of torch.nn.functional.  x: what the network says; target: what it should say, a
   real tensor like x unless said otherwise.  l: the loss of one element, or of one sample where it sums over an axis;
   .reduction makes the mean of all l (DL_MEAN, usual), their sum or nothing of them.  Every loss has gradients for all
   its real tensors.  Real options: 0 means the number in the comment, -1 an exact 0. */
typedef struct {
    dl_tensor   *weight;             /* of each class, (C)                                                      */
    int          ignore_index;       /* -100; DL_ZERO for class 0                                               */
    dl_reduction reduction;          /* DL_MEAN: over the sum of the weights of the targets that count          */
    dl_real      label_smoothing;    /* 0; Szegedy et al. 2016                                                  */
    int end_;
} dl_cross_entropy_opts;
typedef struct { dl_tensor *weight; int ignore_index; dl_reduction reduction; int end_; }                dl_nll_loss_opts;
typedef struct { dl_tensor *weight; dl_real gamma; int ignore_index; dl_reduction reduction; int end_; } dl_focal_loss_opts;

/* Class scores (N, C, d1, ..) or (C), the classes on axis 1; target: int32 labels (N, d1, ..) or (), so that a picture has one
   label a pixel.
   cross_entropy: l = -sum_k w_k q_k log softmax(x)_k,  q = (1 - s) onehot(target) + s / C, s = label_smoothing, or
                  target is a distribution shaped like x, instead of the onehot
   nll_loss:      l = -w_t x_t, for x = log_softmax of the scores
   focal_loss:    l = -w_t (1 - p_t)^gamma log p_t,  p = softmax(x), gamma 2; gamma 0 is cross_entropy.  Lin et al. 2017 */
DL_API dl_tensor *dl_cross_entropy_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_cross_entropy_opts o);
DL_API dl_tensor *dl_nll_loss_with(dl_ctx *c, dl_tensor *log_probs, dl_tensor *target, dl_nll_loss_opts o);
DL_API dl_tensor *dl_focal_loss_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_focal_loss_opts o);
#define dl_cross_entropy(...)   DLI_KW3(dl_cross_entropy, __VA_ARGS__)
#define dl_cross_entropy2d(...) DLI_KW3(dl_cross_entropy, __VA_ARGS__)       /* (N, C, H, W) with (N, H, W): the same function */
#define dl_nll_loss(...)        DLI_KW3(dl_nll_loss, __VA_ARGS__)
#define dl_focal_loss(...)      DLI_KW3(dl_focal_loss, __VA_ARGS__)

/* Elementwise, x and target of one shape.  weight (may be NULL) multiplies l; for mse and l1, DL_MEAN
   then divides by the sum of the weights. */
typedef struct { dl_tensor *weight; dl_reduction reduction; int end_; }                dl_mse_loss_opts, dl_l1_loss_opts;
typedef struct { dl_real delta; dl_tensor *weight; dl_reduction reduction; int end_; } dl_huber_loss_opts;
typedef struct { dl_real beta; dl_reduction reduction; int end_; }                     dl_smooth_l1_loss_opts;
typedef struct { dl_reduction reduction; int end_; }                                   dl_half_mse_loss_opts;
DL_API dl_tensor *dl_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_mse_loss_opts o);             /* (x - t)^2               */
DL_API dl_tensor *dl_half_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_half_mse_loss_opts o);   /* (x - t)^2 / 2           */
DL_API dl_tensor *dl_sse_loss(dl_ctx *c, dl_tensor *x, dl_tensor *target);                                      /* sum (x - t)^2 / 2       */
DL_API dl_tensor *dl_l1_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_l1_loss_opts o);               /* e = abs(x - t)          */
DL_API dl_tensor *dl_huber_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_huber_loss_opts o);         /* e^2 / 2 below delta (1), then delta (e - delta / 2); Huber 1964 */
DL_API dl_tensor *dl_smooth_l1_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_smooth_l1_loss_opts o); /* huber / beta, beta 1; beta -1: l1_loss; Girshick 2015 */
#define dl_mse_loss(...)       DLI_KW3(dl_mse_loss, __VA_ARGS__)
#define dl_half_mse_loss(...)  DLI_KW3(dl_half_mse_loss, __VA_ARGS__)
#define dl_l1_loss(...)        DLI_KW3(dl_l1_loss, __VA_ARGS__)
#define dl_huber_loss(...)     DLI_KW3(dl_huber_loss, __VA_ARGS__)
#define dl_smooth_l1_loss(...) DLI_KW3(dl_smooth_l1_loss, __VA_ARGS__)

/* Yes or no, target t in [0, 1].  weight and pos_weight broadcast; DL_MEAN divides by the number of elements.
   bce_loss:            l = -w (t log p + (1 - t) log(1 - p)), the logarithms at least -100
   bce_with_logits:     the same of p = sigmoid(x), without overflow;  pos_weight multiplies the first term
   sigmoid_focal_loss:  l = a (1 - p_t)^gamma bce_with_logits, p_t = p t + (1 - p)(1 - t), a = alpha t + (1 - alpha)(1 - t);
                        alpha .25, negative: a = 1; gamma 2.  As in torchvision, but for its reduction (none) */
typedef struct { dl_tensor *weight; dl_reduction reduction; int end_; }                        dl_bce_loss_opts;
typedef struct { dl_tensor *weight; dl_reduction reduction; dl_tensor *pos_weight; int end_; } dl_bce_with_logits_opts;
typedef struct { dl_real alpha, gamma; dl_reduction reduction; int end_; }                     dl_sigmoid_focal_loss_opts;
DL_API dl_tensor *dl_bce_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_bce_loss_opts o);
DL_API dl_tensor *dl_bce_with_logits_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_bce_with_logits_opts o);
DL_API dl_tensor *dl_sigmoid_focal_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_sigmoid_focal_loss_opts o);
#define dl_bce_loss(...)           DLI_KW3(dl_bce_loss, __VA_ARGS__)
#define dl_bce_with_logits(...)    DLI_KW3(dl_bce_with_logits, __VA_ARGS__)
#define dl_sigmoid_focal_loss(...) DLI_KW3(dl_sigmoid_focal_loss, __VA_ARGS__)

/* Distributions.
   kl_div:           l = t (log t - x), x: log-probabilities; log_target: l = exp(t) (t - x).  The divergence itself is the sum
                     over the batch size, .batchmean = 1
   poisson_nll:      l = exp(x) - t x;  no_log_input: x - t log(x + eps), eps 1e-8;  full: Stirling's t log t - t + log(2 pi t) / 2
                     is added where t > 1
   gaussian_nll:     l = (log v + (x - t)^2 / v) / 2, v = max(var, eps), eps 1e-6;  full: log(2 pi) / 2 is added.
                     var like x, or its last axis is missing, or axes are 1 */
typedef struct { int log_target; dl_reduction reduction; int batchmean; int end_; }               dl_kl_div_opts;
typedef struct { int no_log_input, full; dl_real eps; dl_reduction reduction; int end_; }         dl_poisson_nll_loss_opts;
typedef struct { int full; dl_real eps; dl_reduction reduction; int end_; }                       dl_gaussian_nll_loss_opts;
DL_API dl_tensor *dl_kl_div_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_kl_div_opts o);
DL_API dl_tensor *dl_poisson_nll_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_poisson_nll_loss_opts o);
DL_API dl_tensor *dl_gaussian_nll_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_tensor *var, dl_gaussian_nll_loss_opts o);
#define dl_kl_div(...)            DLI_KW3(dl_kl_div, __VA_ARGS__)
#define dl_poisson_nll_loss(...)  DLI_KW3(dl_poisson_nll_loss, __VA_ARGS__)
#define dl_gaussian_nll_loss(...) DLI_KW4(dl_gaussian_nll_loss, __VA_ARGS__)

/* Margins; labels y are 1 or -1.
   hinge_embedding:  l = x for y = 1, max(0, margin - x) for y = -1; margin 1
   margin_ranking:   l = max(0, -y (a - b) + margin); margin 0
   soft_margin:      l = log(1 + exp(-y x))
   cosine_embedding: l = 1 - cos(a, b) for y = 1, max(0, cos - margin) for y = -1; (N, D) with (N), or (D) with (); margin 0
   triplet_margin:   l = max(0, d(a, p) - d(a, n) + margin), d: .distance, or dl_pairwise_distance with .p and .eps; margin 1;
                     swap: the smaller of d(a, n) and d(p, n) counts, Balntas et al. 2016
   multi_margin:     l = sum over k != t of w_t max(0, margin - x_t + x_k)^p / C; (N, C) with int32 (N); p 1 or 2, margin 1
   multilabel_margin:      l = sum over labels j and the others k of max(0, 1 - x_j + x_k) / C; int32 (N, C): labels, then -1
   multilabel_soft_margin: l = mean over k of w_k bce_with_logits; (N, C) with (N, C) of 0 and 1
   pairwise_distance:      norm(a - b + eps) over the last axis; p 2, eps 1e-6 */
typedef struct { dl_real margin; dl_reduction reduction; int end_; } dl_hinge_embedding_loss_opts, dl_margin_ranking_loss_opts,
                                                                     dl_cosine_embedding_loss_opts;
typedef struct { dl_reduction reduction; int end_; }                    dl_soft_margin_loss_opts, dl_multilabel_margin_loss_opts;
typedef struct { dl_tensor *weight; dl_reduction reduction; int end_; } dl_multilabel_soft_margin_loss_opts;
typedef struct { int p; dl_real margin; dl_tensor *weight; dl_reduction reduction; int end_; } dl_multi_margin_loss_opts;
typedef struct { dl_real p, eps; int keepdim; int end_; }               dl_pairwise_distance_opts;
typedef struct {
    dl_real margin, p, eps;
    int swap;
    dl_tensor *(*distance)(dl_ctx *c, dl_tensor *a, dl_tensor *b);
    dl_reduction reduction;
    int end_;
} dl_triplet_margin_loss_opts;
DL_API dl_tensor *dl_hinge_embedding_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *y, dl_hinge_embedding_loss_opts o);
DL_API dl_tensor *dl_margin_ranking_loss_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_tensor *y, dl_margin_ranking_loss_opts o);
DL_API dl_tensor *dl_soft_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *y, dl_soft_margin_loss_opts o);
DL_API dl_tensor *dl_cosine_embedding_loss_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_tensor *y, dl_cosine_embedding_loss_opts o);
DL_API dl_tensor *dl_triplet_margin_loss_with(dl_ctx *c, dl_tensor *anchor, dl_tensor *positive, dl_tensor *negative,
                                              dl_triplet_margin_loss_opts o);
DL_API dl_tensor *dl_multi_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multi_margin_loss_opts o);
DL_API dl_tensor *dl_multilabel_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multilabel_margin_loss_opts o);
DL_API dl_tensor *dl_multilabel_soft_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multilabel_soft_margin_loss_opts o);
DL_API dl_tensor *dl_pairwise_distance_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_pairwise_distance_opts o);
#define dl_hinge_embedding_loss(...)        DLI_KW3(dl_hinge_embedding_loss, __VA_ARGS__)
#define dl_margin_ranking_loss(...)         DLI_KW4(dl_margin_ranking_loss, __VA_ARGS__)
#define dl_soft_margin_loss(...)            DLI_KW3(dl_soft_margin_loss, __VA_ARGS__)
#define dl_cosine_embedding_loss(...)       DLI_KW4(dl_cosine_embedding_loss, __VA_ARGS__)
#define dl_triplet_margin_loss(...)         DLI_KW4(dl_triplet_margin_loss, __VA_ARGS__)
#define dl_multi_margin_loss(...)           DLI_KW3(dl_multi_margin_loss, __VA_ARGS__)
#define dl_multilabel_margin_loss(...)      DLI_KW3(dl_multilabel_margin_loss, __VA_ARGS__)
#define dl_multilabel_soft_margin_loss(...) DLI_KW3(dl_multilabel_soft_margin_loss, __VA_ARGS__)
#define dl_pairwise_distance(...)           DLI_KW3(dl_pairwise_distance, __VA_ARGS__)

/* Overlap of probabilities p and masks t, both (N, C, d1, ..): one l for each sample and class, of sums over the pixels (and,
   with .batch, over the samples):  TP = sum p t,  FP = sum p - TP,  FN = sum t - TP
   tversky: l = 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth); alpha .3, beta .7, smooth 1; Salehi et al. 2017
   dice:    l = 1 - (2 TP + smooth) / (sum p + sum t + smooth); smooth 1; Milletari et al. 2016 */
typedef struct { dl_real alpha, beta, smooth; int batch; dl_reduction reduction; int end_; } dl_tversky_loss_opts;
typedef struct { dl_real smooth; int batch; dl_reduction reduction; int end_; }              dl_dice_loss_opts;
DL_API dl_tensor *dl_tversky_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_tversky_loss_opts o);
DL_API dl_tensor *dl_dice_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_dice_loss_opts o);
#define dl_tversky_loss(...) DLI_KW3(dl_tversky_loss, __VA_ARGS__)
#define dl_dice_loss(...)    DLI_KW3(dl_dice_loss, __VA_ARGS__)

/* Connectionist temporal classification, Graves et al. 2006:  l = -log of the sum, over all paths of one symbol a time that give
   the target once repeats and blanks are removed, of the product of their probabilities.
   log_probs (T, N, C) or (T, C); targets int32 (N, S), padded, or (sum of the lengths); lengths int32 (N).  blank 0.
   DL_MEAN: the mean over the batch of l / target length.  zero_infinity: an l of a target that does not fit becomes 0.
   The gradient is the exact one, minus the share of the paths through each symbol; PyTorch's differs by exp(log_probs), which
   the gradient of log_softmax takes out again. */
typedef struct { int blank, zero_infinity; dl_reduction reduction; int end_; } dl_ctc_loss_opts;
DL_API dl_tensor *dl_ctc_loss_with(dl_ctx *c, dl_tensor *log_probs, dl_tensor *targets, dl_tensor *input_lengths, dl_tensor *target_lengths,
                                   dl_ctc_loss_opts o);
#define dl_ctc_loss(...) DLI_KW5(dl_ctc_loss, __VA_ARGS__)

/* Information theory: p and q hold distributions along an axis, which goes; 0 log 0 = 0; nats, or .bits = 1.
   surprisal -log p, elementwise;  entropy -sum p log p;  cross_entropy_probs -sum p log(q + eps), eps 0;
   kl_divergence sum p log(p / q) */
typedef struct { int bits; int end_; }              dl_surprisal_opts, dl_entropy_opts, dl_kl_divergence_opts;
typedef struct { dl_real eps; int bits; int end_; } dl_cross_entropy_probs_opts;
DL_API dl_tensor *dl_surprisal_with(dl_ctx *c, dl_tensor *p, dl_surprisal_opts o);
DL_API dl_tensor *dl_entropy_with(dl_ctx *c, dl_tensor *p, int dim, dl_entropy_opts o);
DL_API dl_tensor *dl_cross_entropy_probs_with(dl_ctx *c, dl_tensor *p, dl_tensor *q, int dim, dl_cross_entropy_probs_opts o);
DL_API dl_tensor *dl_kl_divergence_with(dl_ctx *c, dl_tensor *p, dl_tensor *q, int dim, dl_kl_divergence_opts o);
#define dl_surprisal(...)           DLI_KW2(dl_surprisal, __VA_ARGS__)
#define dl_entropy(...)             DLI_KW3(dl_entropy, __VA_ARGS__)
#define dl_cross_entropy_probs(...) DLI_KW4(dl_cross_entropy_probs, __VA_ARGS__)
#define dl_kl_divergence(...)       DLI_KW4(dl_kl_divergence, __VA_ARGS__)

/* --- images --------------------------------------------------------------------------------------
   Pictures are tensors of 1 (grey) or 3 (red, green, blue) channels with values in [0, 1].  PGM and PPM files are read and
   written by dl.h itself.  For other formats include stb's headers first, and keep stb_image to what you trust:

       #define STBI_ONLY_JPEG
       #define STBI_ONLY_PNG
       #define STBI_MAX_DIMENSIONS 16384
       #define STB_IMAGE_IMPLEMENTATION              // in the file with DL_IMPLEMENTATION
       #include <stb/stb_image.h>                    // dl_image_load reads JPEG and PNG
       #define STB_IMAGE_WRITE_IMPLEMENTATION
       #include <stb/stb_image_write.h>              // dl_image_save writes PNG
       #define DL_IMPLEMENTATION
       #include "dl.h" */
#ifndef DL_NO_STDIO
typedef struct {
    int     resize;                      /* of the shorter side: bilinear with antialiasing, as torchvision and Pillow do it; 0: no */
    int     crop;                        /* then the square of this side in the middle; 0: no                    */
    int     channels;                    /* 1 or 3; 0: as in the file.  Transparency is dropped                  */
    dl_real mean[3], std[3];             /* then (x - mean) / std of each channel; std 0: 1                      */
    int end_;
} dl_image_load_opts;
DL_API dl_tensor *dl_image_load_with(dl_ctx *c, const char *path, dl_image_load_opts o);         /* (1, C, H, W), in the step */
#define dl_image_load(...) DLI_KW2(dl_image_load, __VA_ARGS__)

/* (C, H, W), (1, C, H, W) or (H, W) to a .pgm, .ppm or, with stb_image_write.h, .png file; what is outside [0, 1] is
   clamped.  0 after an error. */
DL_API int dl_image_save(dl_ctx *c, const dl_tensor *x, const char *path);

/* N pictures (N, C, H, W) as one, (1, C, H', W'), as torchvision's make_grid; save_grid writes it to a file. */
typedef struct {
    int     nrow;                        /* pictures in a row, 8                                                 */
    int     padding;                     /* pixels between them and around, 2; DL_ZERO: none                     */
    int     normalize;                   /* 1: the smallest value becomes 0, the largest 1                       */
    dl_real value_range[2];              /* instead, what becomes 0 and 1, if they differ                        */
    int     scale_each;                  /* normalize each picture by its own values                             */
    dl_real pad_value;                   /* 0, black                                                             */
    int end_;
} dl_image_grid_opts;
typedef dl_image_grid_opts dl_image_save_grid_opts;
DL_API dl_tensor *dl_image_grid_with(dl_ctx *c, const dl_tensor *x, dl_image_grid_opts o);
DL_API int        dl_image_save_grid_with(dl_ctx *c, const dl_tensor *x, const char *path, dl_image_save_grid_opts o);
#define dl_image_grid(...)      DLI_KW2(dl_image_grid, __VA_ARGS__)
#define dl_image_save_grid(...) DLI_KW3(dl_image_save_grid, __VA_ARGS__)
#endif

/* --- models --------------------------------------------------------------------------------------
   With DL_MODELS defined before dl.h, wherever it is included: the well-known vision networks, made from the public
   functions above like any user's.  They take images (N, channels, H, W) and give logits (N, num_classes) or, for
   segmentation, (N, num_classes, H, W).  Where torchvision has the network, names and order of its state_dict, layers and
   initial weights are torchvision's.  channels: of the images, 3; num_classes: 1000. */
#ifdef DL_MODELS
/* small_cnn, for digits (N, 1, 28, 28): twice 3 x 3 convolution of stride 2, ReLU, 2 x 2 max pooling; one dense layer
   lenet5, LeCun et al. 1998, for (N, 1, 28, 28), or with .no_padding (N, 1, 32, 32): sigmoid, average pooling, 61,706 parameters
   deepcnn, for (N, 1, 28, 28): three times two convolutions, ReLU, pooling, then two dense layers with dropout 0.5; He's
   initial weights.  For these channels is 1 and num_classes 10. */
typedef struct { int channels, num_classes; int end_; }             dl_model_small_cnn_opts, dl_model_deepcnn_opts;
typedef struct { int channels, num_classes, no_padding; int end_; } dl_model_lenet5_opts;
DL_API dl_module *dl_model_small_cnn_with(dl_ctx *c, dl_model_small_cnn_opts o);
DL_API dl_module *dl_model_lenet5_with(dl_ctx *c, dl_model_lenet5_opts o);
DL_API dl_module *dl_model_deepcnn_with(dl_ctx *c, dl_model_deepcnn_opts o);
#define dl_model_small_cnn(...) DLI_KW1(dl_model_small_cnn, __VA_ARGS__)
#define dl_model_lenet5(...)    DLI_KW1(dl_model_lenet5, __VA_ARGS__)
#define dl_model_deepcnn(...)   DLI_KW1(dl_model_deepcnn, __VA_ARGS__)

/* AlexNet, for (N, 3, 224, 224): torchvision's single tower (Krizhevsky 2014); with .original the network of Krizhevsky et al.
   2012, for 227 x 227: two towers as 2 groups, local response normalisation, overlapping pooling */
typedef struct { int channels, num_classes, original; int end_; } dl_model_alexnet_opts;
DL_API dl_module *dl_model_alexnet_with(dl_ctx *c, dl_model_alexnet_opts o);
#define dl_model_alexnet(...) DLI_KW1(dl_model_alexnet, __VA_ARGS__)

/* VGG of 11, 13, 16 or 19 layers (Simonyan and Zisserman 2015), for 224 x 224.  vgg_block: n times 3 x 3 convolution and ReLU,
   then 2 x 2 max pooling */
typedef struct { int channels, num_classes, batch_norm; int end_; } dl_model_vgg_opts;
DL_API dl_module *dl_model_vgg_with(dl_ctx *c, int layers, dl_model_vgg_opts o);
DL_API dl_module *dl_model_vgg_block(dl_ctx *c, int n, int in, int out);
#define dl_model_vgg(...) DLI_KW2(dl_model_vgg, __VA_ARGS__)

/* GoogLeNet (Szegedy et al. 2015), for 224 x 224; .batch_norm: torchvision's form, with batch norms and, after a mistake that
   everybody's weights share, 3 x 3 convolutions in the place of 5 x 5.  .aux: with the auxiliary heads; googlenet_forward
   gives their logits as well, if aux[0], aux[1] is there and the heads are, else nil.
   inception: 1 x 1 | 1 x 1, 3 x 3 | 1 x 1, 5 x 5 | 3 x 3 max pooling, 1 x 1, side by side; n: their channels */
typedef struct { int c1, c3_reduce, c3, c5_reduce, c5, pool; } dl_inception_channels;
typedef struct { int batch_norm; int end_; } dl_model_inception_opts;
typedef struct { int channels, num_classes, batch_norm, aux; int end_; } dl_model_googlenet_opts;
DL_API dl_module *dl_model_inception_with(dl_ctx *c, int in, dl_inception_channels n, dl_model_inception_opts o);
DL_API dl_module *dl_model_googlenet_with(dl_ctx *c, dl_model_googlenet_opts o);
DL_API dl_tensor *dl_model_googlenet_forward(dl_ctx *c, dl_module *googlenet, dl_tensor *x, dl_tensor *aux[2]);
#define dl_model_inception(...) DLI_KW3(dl_model_inception, __VA_ARGS__)
#define dl_model_googlenet(...) DLI_KW1(dl_model_googlenet, __VA_ARGS__)

/* Residual blocks (He et al. 2016): y = relu(f(x) + x), f: convolutions with batch norm and, between them, ReLU
   basic_block: 3 x 3, 3 x 3;  bottleneck: 1 x 1 to width channels, 3 x 3, 1 x 1 to 4 width
   Where the shapes differ the shortcut is a 1 x 1 convolution with batch norm or, with .zero_pad, every stride-th pixel and
   channels of zeros.  .plain: no shortcut.  .pre_act: y = f(x) + x, f: batch norm, ReLU and convolution in this order */
typedef struct { int stride, plain, pre_act, zero_pad; int end_; } dl_model_basic_block_opts, dl_model_bottleneck_opts;
DL_API dl_module *dl_model_basic_block_with(dl_ctx *c, int in, int out, dl_model_basic_block_opts o);
DL_API dl_module *dl_model_bottleneck_with(dl_ctx *c, int in, int width, dl_model_bottleneck_opts o);
#define dl_model_basic_block(...) DLI_KW3(dl_model_basic_block, __VA_ARGS__)
#define dl_model_bottleneck(...)  DLI_KW3(dl_model_bottleneck, __VA_ARGS__)

/* resnet: 18 or 34 (basic blocks), 50, 101 or 152 (bottlenecks) layers, for 224 x 224.  .small_images, for 32 x 32: the stem is
   one 3 x 3 convolution.
   resnet_cifar: 6 n + 2 layers of 16, 32, 64 channels, zero-padded shortcuts, for 32 x 32, 10 classes */
typedef struct { int channels, num_classes, plain, small_images; int end_; } dl_model_resnet_opts;
typedef struct { int channels, num_classes, plain, pre_act, projection; int end_; } dl_model_resnet_cifar_opts;
DL_API dl_module *dl_model_resnet_with(dl_ctx *c, int layers, dl_model_resnet_opts o);
DL_API dl_module *dl_model_resnet_cifar_with(dl_ctx *c, int n, dl_model_resnet_cifar_opts o);
#define dl_model_resnet(...)       DLI_KW2(dl_model_resnet, __VA_ARGS__)
#define dl_model_resnet_cifar(...) DLI_KW2(dl_model_resnet_cifar, __VA_ARGS__)

/* MobileNetV2 (Sandler et al. 2018) and DenseNet of 121, 161, 169 or 201 layers (Huang et al. 2017), for 224 x 224 */
typedef struct { int channels, num_classes; int end_; } dl_model_mobilenet_v2_opts, dl_model_densenet_opts;
DL_API dl_module *dl_model_mobilenet_v2_with(dl_ctx *c, dl_model_mobilenet_v2_opts o);
DL_API dl_module *dl_model_densenet_with(dl_ctx *c, int layers, dl_model_densenet_opts o);
#define dl_model_mobilenet_v2(...) DLI_KW1(dl_model_mobilenet_v2, __VA_ARGS__)
#define dl_model_densenet(...)     DLI_KW2(dl_model_densenet, __VA_ARGS__)

/* Segmentation: logits for every pixel.  H and W must be divisible by 32, or by 2^depth.
   fcn: VGG-16's convolutions, dense layers as convolutions, scores upsampled by transposed convolutions that begin as bilinear
   interpolation; .upsample 8 (the usual) and 16 add the scores of earlier stages, 32 does not (Long et al. 2015)
   unet: down and up again with skips by concatenation (Ronneberger et al. 2015), with padding and batch norm
   width: channels of the first stage, 64; those of the others and of the fcn's dense layers (64 width) follow it */
typedef struct { int channels, upsample, width; int end_; } dl_model_fcn_opts;
typedef struct { int channels, depth, width; int end_; }    dl_model_unet_opts;              /* 3, 4, 64 */
DL_API dl_module *dl_model_fcn_with(dl_ctx *c, int num_classes, dl_model_fcn_opts o);
DL_API dl_module *dl_model_unet_with(dl_ctx *c, int num_classes, dl_model_unet_opts o);
#define dl_model_fcn(...)  DLI_KW2(dl_model_fcn, __VA_ARGS__)
#define dl_model_unet(...) DLI_KW2(dl_model_unet, __VA_ARGS__)
#endif
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

/* A run of up to 16 numbers of a convolution's columns: n of them, read from `from` on, column `to` of the result. */
typedef struct { int64_t from, to, n; } dli_piece;

#define DLI_KERNELS_CONV(K)                                                                                            \
/* a panel of the column matrix, rows of nr: out[k nr + to + l] = x[offset[k] + from + l], l < n, for all k < rows */  \
    K(void, conv_pack,   (dl_real *out, const dl_real *x, const int64_t *offset, int64_t rows, const dli_piece *pieces,\
                          int64_t npieces))                                                                            \
/* its transpose: out[(to + l) nr + j] = x[offset[j] + from + l], j < width <= nr */                                   \
    K(void, conv_pack_t, (dl_real *out, const dl_real *x, const int64_t *offset, int64_t width, const dli_piece *pieces,\
                          int64_t npieces))                                                                            \
/* y (+)= activation(x + bias + r), r may be NULL, x may be y */                                                       \
    K(void, conv_finish, (dl_real *y, const dl_real *x, int64_t n, dl_real bias, const dl_real *r, dl_activation f, int add))

/* What the kernels of the matrix product (see >>gemm) work on: with acc = sum over k of A[i][k] B[k][j],
       C[i][j] = alpha acc + beta C[i][j];  if last: C[i][j] = activation(C[i][j] + bias[j]).
   A[i][k] stands at a[i a_row + k a_col] or, if a_tile is not 0, in k-major tiles of mr rows, a_tile numbers apart (the kernel
   then changes a_row and a_col); B[k][j] at b[k b_row + j], where panels of nr columns are b_panel apart
   (0: nr, as in a matrix).  next: what to
   prefetch, the B of the next call.  chain: sums go on from C, that earlier calls left there. */
typedef struct {
    int64_t        M, N, K;
    const dl_real *a, *b, *next;
    dl_real       *c;
    int64_t        a_row, a_col, a_tile, b_row, b_panel, ldc;
    dl_real        alpha, beta;
    const dl_real *bias;
    dl_activation  activation;
    int            last, chain;
} dli_panel;

#define DLI_KC 256                      /* length of a chain of fma over k, a constant: it decides the bits of the result */

#define DLI_KERNELS_GEMM(K)                                                                                            \
/* matrix product: panels; few rows of C; dots of rows of A with rows of B, b_row apart */                             \
    K(void, gemm_panel,  (dli_panel *t))                                                                               \
    K(void, gemm_rows,   (dli_panel *t, dl_real *sums))                                                                \
    K(void, gemm_dots,   (const dli_panel *t))                                                                         \
/* copies of n rows: cut into panels of nr columns; padded to the width of a tile; transposed */                       \
    K(void, gemm_pack_b, (dl_real *out, int64_t panel, const dl_real *x, int64_t ldx, int64_t n, int64_t width))       \
    K(void, gemm_pack,   (dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width))        \
    K(void, gemm_pack_t, (dl_real *out, int64_t tile, const dl_real *x, int64_t ldx, int64_t n, int64_t width))        \


/* A row of a normalisation, v = (x - shift) scale + offset; w and b: one number for each element, or NULL.
   Forward:  y = v w + b + r, r may be NULL; if relu, y = max(y, 0).
   Backward: h = g w, if relu only where the row was above 0: where y > 0 or, if y is NULL, where v > 0 (then w and b are NULL).
             dx = h_factor h + x_factor (x - shift) + constant;  dr = h;  dw += g v;  db += g.  NULL: not wanted. */
typedef struct {
    dl_real        shift, scale, offset;
    const dl_real *w, *b;
    int            relu;
    dl_real        h_factor, x_factor, constant;
    dl_real       *dx, *dr, *dw, *db;
    int            add_dx, add_dr;  /* add to what is there                                                */
    int64_t        ahead;           /* where the next row is, in elements from here: fetched early         */
} dli_norm_row;

#define DLI_KERNELS_NORM(K)                                                                                            \
/* s[0] += sum (x - shift), s[1] += sum (x - shift)^2 */                                                               \
    K(void,    norm_moments,  (double *s, const dl_real *x, dl_real shift, int64_t n, int64_t ahead))                  \
    K(void,    norm_forward,  (dl_real *y, const dl_real *x, const dl_real *r, int64_t n, const dli_norm_row *p))      \
/* s[0] += sum h, s[1] += sum h (x - shift) */                                                                         \
    K(void,    norm_sums,     (double *s, const dl_real *g, const dl_real *x, const dl_real *y, int64_t n, const dli_norm_row *p)) \
    K(void,    norm_backward, (const dl_real *g, const dl_real *x, const dl_real *y, int64_t n, const dli_norm_row *p))

/* The numbers of one step of an optimizer.  g means the gradient + l2 w. */
typedef struct {
    dl_real lr;                     /* step size, with all bias corrections                         */
    dl_real l2, shrink;             /* coupled decay: g += l2 w;  decoupled decay: w = shrink w     */
    dl_real keep1, fresh1;          /* first state:  a = keep1 a + fresh1 g                         */
    dl_real keep2, fresh2;          /* second state: v = keep2 v + fresh2 g^2                       */
    dl_real direct, through;        /* shares of the gradient itself and of the first state         */
    dl_real root, eps;              /* the denominator is sqrt(v) root + eps                        */
    dl_real low, high;              /* Rprop: range of its step sizes                               */
    int     first;                  /* the first step                                               */
} dli_update;

#define DLI_KERNELS_OPTIM(K)                                                                                           \
/* a = keep1 a + fresh1 g;  w -= lr (direct g + through a);  without a: w -= lr g */                                   \
    K(void,    sgd,         (dl_real *w, const dl_real *g, dl_real *a, int64_t n, const dli_update *o))                \
/* a += fresh1 (g - a);  v = keep2 v + fresh2 g^2;  w = shrink w - (lr a + direct g) / (sqrt(v) root + eps); a may be NULL */ \
    K(void,    adam,        (dl_real *w, const dl_real *g, dl_real *a, dl_real *v, int64_t n, const dli_update *o))

/* Pooling with windows of at most 256 taps, vectorized along the rows (see >>pool).  A plane is a stack of rows, of one, two
   or three spatial axes alike: a link says which row of the other side a row meets, and the number of the first tap of that
   meeting.  Along a row, tap k of window i is at column i stride + k dilation - padding. */
#define DLI_MAX_TAPS 256
typedef struct { int32_t row, tap; } dli_link;
typedef struct {
    const int32_t  *start;          /* the links of row r: link[start[r]] .. link[start[r + 1] - 1]   */
    const dli_link *link;
    int64_t         x_rows, x_width, y_rows, y_width, pitch;   /* of the planes of x, y and at        */
    int64_t         kernel, stride, padding, dilation;
    int64_t         step;           /* taps k and k + step meet columns a multiple of the stride apart */
    const uint32_t *mask;           /* which elements the lanes of block b read for tap k: mask[b kernel + k], bit 0 is that of
                                       lane 0; pool with stride 2 has two elements a lane, else a bit is a lane                */
    const dl_real  *divisor;        /* average: of each output of a plane; largest: NULL              */
    dl_real         nothing;        /* what padding reads as: -infinity or 0                          */
} dli_pool;

#define DLI_KERNELS_POOL(K)                                                                                            \
/* y = average or largest of each window, at (if not NULL) = the tap of the largest, in rows of pitch bytes */         \
    K(void,    pool,      (dl_real *y, unsigned char *at, const dl_real *x, const dli_pool *p, int64_t planes))        \
/* dx (+)= sum of the g whose window the element is in, or, if at is not NULL, of those it was the largest for */      \
    K(void,    pool_back, (dl_real *dx, const dl_real *g, const unsigned char *at, const dli_pool *p, int64_t planes, int add))
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
/* uniform on [0, 1), 24 bits; normal, mean 0, variance 1 */                                                           \
    K(void,    uniform,     (dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first))                     \
    K(void,    normal,      (dl_real *y, int64_t n, uint64_t seed, uint64_t call, uint64_t first))                     \
/* y (+)= x / (1 - p) with probability 1 - p, else 0; the same call on the gradient is its backward */                 \
    K(void,    dropout,     (dl_real *y, const dl_real *x, int64_t n, uint64_t seed, uint64_t call, uint64_t first,    \
                             dl_real p, int add))

#define DLI_KERNELS_WINOGRAD(K)                                                                                        \
/* Winograd's F(4 x 4, 3 x 3), 16 channels at a time, position p of 36 at p v_pos (see >>winograd):                    \
   weights: 9 taps of 16 -> 36;  input: n tiles of 6 x 6 pixels, 4 apart -> 36;  output: 36 -> n tiles of 4 x 4 */     \
    K(void, winograd_weights, (dl_real *u, int64_t u_pos, const dl_real *taps, int flip))                              \
    K(void, winograd_input,   (dl_real *v, int64_t v_pos, int64_t v_tile, const dl_real *x, int64_t x_row, int64_t n)) \
    K(void, winograd_output,  (dl_real *y, int64_t y_row, const dl_real *m, int64_t m_pos, int64_t m_tile, int64_t n)) \
/* out[i ldo + j] = x[j ldx + i], i < n, j < width */                                                                  \
    K(void, transpose_to,     (dl_real *out, int64_t ldo, const dl_real *x, int64_t ldx, int64_t n, int64_t width))

#define DLI_KERNELS(K)                                                                                                 \
/* reductions over n elements, n > 0 */                                                                                \
    K(dl_real, sum,     (const dl_real *x, int64_t n))                                                                 \
    K(dl_real, dot,     (const dl_real *x, const dl_real *y, int64_t n))                                               \
    K(dl_real, max,     (const dl_real *x, int64_t n))                                                                 \
    K(dl_real, min,     (const dl_real *x, int64_t n))                                                                 \
/* y += a x */                                                                                                         \
    K(void,    axpy,    (dl_real *y, dl_real a, const dl_real *x, int64_t n))                                          \
DLI_KERNELS_GEMM(K)                                                                                                    \
DLI_KERNELS_ROWS(K)                                                                                                    \
DLI_KERNELS_OPTIM(K)                                                                                                   \
DLI_KERNELS_CONV(K)                                                                                                    \
DLI_KERNELS_NORM(K)                                                                                                    \
DLI_KERNELS_POOL(K)                                                                                                    \
DLI_KERNELS_WINOGRAD(K)

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
    dl_precision precision;
    int        depth;                   /* of nested dl_forward calls                          */
    struct dli_row **watch;             /* where dl_forward notes what it does, for dl_summary */
    int64_t    macs;                    /* multiply-adds of all ops so far                     */
    dl_module *nil_module;              /* stands for a module that could not be made          */
    char       error[DLI_ERROR_SIZE];
};

/* The nil tensor: what a failed call returns.  Never written, size 0. */
static const dl_tensor dli_nil_tensor = {NULL, NULL, NULL, {0}, 0, 0, DL_REAL, 0, NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0};
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
    c->precision = o.precision;
    c->seed = o.seed;
    c->keep.next_size = c->step.next_size = o.block_bytes ? o.block_bytes : (size_t)1 << 20;
    dli_caches(c);
    if (!c->k) { c->k = dli_choose_kernels("portable"); return dli_context_fail(c, isa); }
    if (o.precision > DL_MEDIUM) dl_fail(c, "dl_create: precision %d is unknown", (int)o.precision);
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
    i.precision = !c || c->precision == DL_HIGHEST ? "float highest" : "float high";
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
typedef enum { DLI_GEMM_BLOCKS, DLI_GEMM_ROWS, DLI_GEMM_DOTS } dli_gemm_path;
typedef struct {
    const dli_kernels   *kernels;
    const dli_gemm_args *args;
    dli_gemm_path        path;
    int                  pack_a, pack_b, ahead;
    int64_t              mc, nc, kc;    /* a block of A is mc x kc, a block of B kc x nc       */
    int64_t              tm, tn, tb;    /* parts of M, N and the batch, one thread each        */
    dl_real             *scratch;       /* of all workers, scratch_size numbers each           */
    int64_t              scratch_size;
} dli_gemm_plan;

/* The whole product as one panel, matrices as they stand. */
DLI_INLINE void dli_gemm_set(dli_panel *t, const dli_gemm_args *g)
{
    t->M = g->M;
    t->N = g->N;
    t->K = g->K;
    t->a = g->A;
    t->b = g->B;
    t->next = NULL;
    t->c = g->C;
    t->a_row = g->trans_a ? 1 : g->lda;
    t->a_col = g->trans_a ? g->lda : 1;
    t->a_tile = 0;
    t->b_row = g->ldb;
    t->b_panel = 0;
    t->ldc = g->ldc;
    t->alpha = g->alpha;
    t->beta = g->beta;
    t->bias = g->bias;
    t->activation = g->activation;
    t->last = g->bias || g->activation != DL_LINEAR;
    t->chain = 0;
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
    int64_t i, p, q;
    dli_panel t;
    dli_gemm_set(&t, g);
    if (plan->pack_b) { t.b = panels; t.b_row = nr; t.b_panel = panel; }
    if (plan->pack_a) { t.a = block; t.a_tile = plan->kernels->mr * plan->kc; }
    for (q = 0; q < g->N; q += plan->nc) {
        t.N = dli_min64(g->N - q, plan->nc);
        if (g->bias) t.bias = g->bias + q;
        for (p = 0; p < K || p == 0; p += plan->kc) {
            t.K = dli_min64(K - p, plan->kc);
            t.beta = p == 0 ? g->beta : 1;
            t.last = p + t.K == K && (g->bias || g->activation != DL_LINEAR);
            if (plan->pack_b) dli_gemm_pack_b(plan, g, p, t.K, q, t.N, panels, panel);
            else t.b = g->B + p * g->ldb + q;
            if (plan->ahead) t.next = p + 2 * t.K <= K ? t.b + t.K * g->ldb : NULL;
            for (i = 0; i < g->M; i += plan->mc) {
                t.M = dli_min64(g->M - i, plan->mc);
                if (plan->pack_a) dli_gemm_pack_a(plan, g, i, t.M, p, t.K, block);
                else t.a = g->A + i * t.a_row + p * t.a_col;
                t.c = g->C + i * g->ldc + q;
                plan->kernels->gemm_panel(&t);
            }
        }
    }
}

/* Few rows, sums in the caches. */
static void dli_gemm_rows(const dli_gemm_plan *plan, const dli_gemm_args *g, dl_real *scratch)
{
    dli_panel t;
    int64_t j;
    dli_gemm_set(&t, g);
    for (j = 0; j < g->N; j += plan->nc) {
        t.N = dli_min64(g->N - j, plan->nc);
        t.b = g->B + j;
        t.c = g->C + j;
        t.beta = g->beta;
        if (g->bias) t.bias = g->bias + j;
        plan->kernels->gemm_rows(&t, scratch);
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
        case DLI_GEMM_ROWS:   dli_gemm_rows(s, &g, scratch); break;
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
    s->scratch_size = (s->kc + 1) * s->nc + s->mc * s->kc;
    if (s->path == DLI_GEMM_ROWS) { s->nc = 4096; s->scratch_size = g->M * s->nc; }
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
    if (s.path == DLI_GEMM_BLOCKS && g.K > 0 && !g.trans_b && (g.M == 1 || (g.M <= 8 && g.N >= 256 && work >= (double)g.M * 128e3)))
        s.path = DLI_GEMM_ROWS;
    if (s.path == DLI_GEMM_BLOCKS && g.N == 1 && g.trans_a && g.K > 0 && g.ldc == 1 && !g.bias) {      /* A^T b = (b^T A)^T */
        dli_gemm_args r = g;
        r.A = g.B; r.lda = g.ldb; r.stride_a = g.stride_b; r.trans_a = !g.trans_b;
        r.B = g.A; r.ldb = g.lda; r.stride_b = g.stride_a; r.trans_b = 0;
        r.M = 1; r.N = g.M; r.ldc = g.M;
        g = r;
        s.path = DLI_GEMM_ROWS;
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

/* Returns 0 after an error: no memory for the copies.  Matrices up to about 60^3 are all overhead: straight to the kernel. */
static int dli_gemm(dl_ctx *c, const dli_gemm_args *g)
{
    dli_panel t;
    if (g->M <= 0 || g->N <= 0) return 1;
    if (g->trans_b || g->N == 1 || g->K <= 0 || g->alpha == 0 || g->batch > 1 || (double)g->M * (double)g->N * (double)g->K >= 300e3)
        return dli_gemm_large(c, g);
    dli_gemm_set(&t, g);
    c->k->gemm_panel(&t);
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
   >>winograd    3 x 3 convolution of stride 1 with a quarter of the multiplications, in precision high

   F(4 x 4, 3 x 3) of Lavin and Gray 2016: from each tile of 6 x 6 pixels d and the 3 x 3 taps g

       Y = A^T [ sum over channels of (G g G^T) .* (B^T d B) ] A            4 x 4 pixels

   36 products a channel in place of 144.  The sums are 36 matrix products, one for each position in the tile:

       M[p][tile][k] = sum over c of V[p][tile][c] U[p][c][k]

   Channels are the lanes of every vector, so no lane is wasted, however small the image; pixels are transposed to
   [row][column][16 channels] on their way in and back on their way out.  Errors are about 10 times those of the direct sum. */

typedef struct {
    const dl_real *x, *w, *bias, *residual;     /* (N, C, H, W), (K, C, 3, 3), (K) or NULL, like y or NULL            */
    dl_real       *y;                           /* (N, K, OH, OW) = or, if add, += activation(x * w + bias + residual) */
    int64_t        N, C, H, W, K, OH, OW, pad_h, pad_w;
    int            flip, add;                   /* flip: turn the taps by 180 degrees                                 */
    dl_activation  activation;
} dli_winograd_args;

#define DLI_WINOGRAD_TILES 48                   /* of a block: four times the 12 rows of the largest GEMM tile    */

typedef struct {
    const dl_ctx            *c;
    const dli_winograd_args *a;
    int64_t  ty, tx, rows;                      /* tiles of an image; rows of tiles in a block                    */
    int64_t  cp, kp, parts, blocks;             /* channels, padded; parts of the output channels                 */
    int64_t  v_pos, m_pos, u_pos;
    dl_real *u, *scratch;
    int64_t  scratch_size;
} dli_winograd_job;

/* U: panels of nr output channels, [position][panel][input channel][nr] */
static void dli_winograd_weights_task(void *arg, int64_t task, int worker)
{
    const dli_winograd_job *j = (const dli_winograd_job *)arg;
    const dli_winograd_args *a = j->a;
    const int64_t nr = j->c->k->nr, k = 16 * task, panel = k / nr * a->C * nr + k % nr, n = dli_min64(16, a->K - k);
    dl_real taps[9 * 16];
    int64_t i;
    (void)worker;
    memset(taps, 0, sizeof taps);
    for (i = 0; i < a->C; i++) {
        if (n > 0) j->c->k->transpose_to(taps, 16, a->w + (k * a->C + i) * 9, a->C * 9, 9, n);
        j->c->k->winograd_weights(j->u + panel + i * nr, j->u_pos, taps, a->flip);
    }
}

/* V of a row of tiles, all input channels */
static void dli_winograd_row_in(const dli_winograd_job *j, int64_t row, dl_real *v, dl_real *pixels)
{
    const dli_winograd_args *a = j->a;
    const int64_t image = row / j->ty, top = row % j->ty * 4 - a->pad_h, x_row = (4 * j->tx + 2) * 16;
    const int64_t right = dli_min64(a->W, 4 * j->tx + 2 - a->pad_w);
    int64_t k, r;
    for (k = 0; k < a->C; k += 16) {
        const int64_t n = dli_min64(16, a->C - k);
        if (k == 0 || n < 16) memset(pixels, 0, (size_t)(6 * x_row) * sizeof *pixels);
        for (r = 0; r < 6; r++)
            if (top + r >= 0 && top + r < a->H)
                j->c->k->transpose_to(pixels + r * x_row + 16 * a->pad_w, 16, a->x + ((image * a->C + k) * a->H + top + r) * a->W,
                                   a->H * a->W, right, n);
        j->c->k->winograd_input(v + k, j->v_pos, j->cp, pixels, x_row, j->tx);
    }
}

/* y of a row of tiles from M, output channels [first, end) */
static void dli_winograd_row_out(const dli_winograd_job *j, int64_t row, int64_t first, int64_t end, const dl_real *m, dl_real *pixels,
                                 dl_real *line)
{
    const dli_winograd_args *a = j->a;
    const int64_t image = row / j->ty, top = row % j->ty * 4, y_row = 4 * j->tx * 16, m_tile = j->kp / j->parts;
    int64_t k, i, r;
    for (k = first; k < end; k += 16) {
        const int64_t n = dli_min64(16, end - k);
        j->c->k->winograd_output(pixels, y_row, m + k - first, j->m_pos, m_tile, j->tx);
        for (r = 0; r < 4 && top + r < a->OH; r++) {
            const int64_t at = ((image * a->K + k) * a->OH + top + r) * a->OW, plane = a->OH * a->OW;
            j->c->k->transpose_to(line, a->OW, pixels + r * y_row, 16, n, a->OW);
            for (i = 0; i < n; i++)
                j->c->k->conv_finish(a->y + at + i * plane, line + i * a->OW, a->OW, a->bias ? a->bias[k + i] : 0,
                                     a->residual ? a->residual + at + i * plane : NULL, a->activation, a->add);
        }
    }
}

static void dli_winograd_task(void *arg, int64_t task, int worker)
{
    const dli_winograd_job *j = (const dli_winograd_job *)arg;
    const dli_winograd_args *a = j->a;
    const int64_t first_row = task / j->parts * j->rows, nrows = dli_min64(j->rows, a->N * j->ty - first_row), part = task % j->parts;
    const int64_t nr = j->c->k->nr, width = j->kp / j->parts, first = part * width, tiles = nrows * j->tx;
    dl_real *v = j->scratch + worker * j->scratch_size, *m = v + 36 * j->v_pos, *pixels = m + 36 * j->m_pos;
    dl_real *line = pixels + 6 * (4 * j->tx + 2) * 16;
    int64_t r, p, k;
    dli_gemm_args g;
    dli_panel t;
    for (r = 0; r < nrows; r++) dli_winograd_row_in(j, first_row + r, v + r * j->tx * j->cp, pixels);
    memset(&g, 0, sizeof g);
    g.M = tiles; g.N = nr; g.K = a->C;
    g.lda = j->cp; g.ldb = nr; g.ldc = width;
    g.alpha = 1;
    for (p = 0; p < 36; p++)
        for (k = 0; k < width; k += nr) {
            g.A = v + p * j->v_pos;
            g.B = j->u + p * j->u_pos + (first + k) * a->C;
            g.C = m + p * j->m_pos + k;
            dli_gemm_set(&t, &g);
            j->c->k->gemm_panel(&t);
        }
    for (r = 0; r < nrows; r++)
        dli_winograd_row_out(j, first_row + r, first, dli_min64(first + width, a->K), m + r * j->tx * width, pixels, line);
}

/* Whether it pays: enough channels, enough tiles to make up for 36 / 9 times the weights, and tiles that are mostly full. */
static int dli_winograd_pays(const dli_winograd_args *a)
{
    return a->C >= 32 && a->K >= 32 && a->OH >= 4 && a->OW >= 4 && a->N * ((a->OH + 3) / 4) * ((a->OW + 3) / 4) >= 64;
}

static int dli_winograd(dl_ctx *c, const dli_winograd_args *a)
{
    dli_winograd_job j;
    dli_mark mark = dli_arena_mark(&c->step);
    const int64_t nr = c->k->nr;
    int64_t panels;
    j.c = c; j.a = a;
    j.ty = (a->OH + 3) / 4;
    j.tx = (a->OW + 3) / 4;
    j.rows = dli_max64(1, DLI_WINOGRAD_TILES / j.tx);
    j.blocks = (a->N * j.ty + j.rows - 1) / j.rows;
    panels = (a->K + nr - 1) / nr;
    j.parts = j.blocks >= c->threads ? 1 : dli_min64(panels, c->threads);
    panels = (panels + j.parts - 1) / j.parts * j.parts;
    j.cp = (a->C + 15) & ~(int64_t)15;
    j.kp = panels * nr;
    j.u_pos = a->C * j.kp + 16;                                       /* + 16: not 2^n apart in the caches */
    j.v_pos = j.rows * j.tx * j.cp + 16;
    j.m_pos = j.rows * j.tx * (j.kp / j.parts) + 16;
    j.scratch_size = 36 * (j.v_pos + j.m_pos) + 6 * (4 * j.tx + 2) * 16 + 16 * a->OW;
    j.u = (dl_real *)dl_alloc(c, (size_t)(36 * j.u_pos) * sizeof *j.u);
    j.scratch = (dl_real *)dl_alloc(c, (size_t)(j.scratch_size * c->threads) * sizeof *j.u);
    if (j.u && j.scratch) {
        dli_parallel(c, j.kp / 16, dli_winograd_weights_task, &j);
        dli_parallel(c, j.blocks * j.parts, dli_winograd_task, &j);
    }
    dli_arena_release(&c->step, mark);
    return j.u && j.scratch;
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
    c->macs += y->macs;
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
static dl_real dli_vector_norm(const dl_ctx *c, const dl_real *x, int64_t n, double p)
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
            y->data[o] = dli_vector_norm(c, dli_gather_row(&a, y->src[0]->data, o), a.g.count, ((dli_reduce_args *)y->opts)->p);
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
    if (!dl_set_shape(c, y, ndim, shape)) return 0;
    y->macs = y->size * o->K;
    return 1;
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
    if (!dl_set_shape(c, y, x->ndim, shape)) return 0;
    y->macs = y->size * w->shape[1];
    return 1;
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
   >>losses      a loss is one l for each element or sample, then a reduction; most are compositions of ops
   ================================================================================================ */
static int dli_check_reduction(dl_ctx *c, const char *who, dl_reduction r)
{
    if (r == DL_MEAN || r == DL_SUM || r == DL_NONE) return 1;
    dl_fail(c, "%s: reduction %d is unknown", who, (int)r);
    return 0;
}

static int dli_same_shape(const dl_tensor *a, const dl_tensor *b)
{
    return a->ndim == b->ndim && !memcmp(a->shape, b->shape, sizeof a->shape);
}

/* x and target: reals of one shape. */
static int dli_check_loss(dl_ctx *c, const char *who, const dl_tensor *x, const dl_tensor *target, dl_reduction r)
{
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check(c, who, "target", target, DL_REAL) || !dli_check_reduction(c, who, r)) return 0;
    if (!dli_same_shape(x, target)) dl_fail(c, "%s: %t with target %t", who, x, target);
    return !c->failed;
}

/* A weight may be NULL; else it is real and broadcasts to the shape of x. */
static int dli_check_weight(dl_ctx *c, const char *who, const dl_tensor *weight, const dl_tensor *x)
{
    int d, fits;
    if (!weight) return 1;
    if (!dli_check(c, who, "weight", weight, DL_REAL)) return 0;
    for (fits = weight->ndim <= x->ndim, d = 1; fits && d <= weight->ndim; d++)
        fits = weight->shape[weight->ndim - d] == x->shape[x->ndim - d] || weight->shape[weight->ndim - d] == 1;
    if (!fits) dl_fail(c, "%s: weight %t for %t", who, weight, x);
    return fits;
}

static int dli_check_option(dl_ctx *c, const char *who, const char *what, dl_real value, int valid)
{
    if (!valid) dl_fail(c, "%s: %s is %g", who, what, (double)value);
    return valid && !c->failed;
}

static dl_tensor *dli_sum_all(dl_ctx *c, dl_tensor *l) { return dli_apply_reduce(c, &dli_sum_op, l, 0, 0, 1); }

static dl_tensor *dli_sum_over(dl_ctx *c, dl_tensor *l, unsigned dims) { return dli_apply_reduce(c, &dli_sum_op, l, dims, 0, 1); }

static dl_tensor *dli_reduced(dl_ctx *c, dl_tensor *l, dl_reduction r)
{
    return r == DL_NONE ? l : r == DL_SUM ? dli_sum_all(c, l) : dli_apply_reduce(c, &dli_mean_op, l, 0, 0, (double)l->size);
}

/* The same of weight * l, where the mean divides by the sum of the weights. */
static dl_tensor *dli_weighted(dl_ctx *c, const char *who, dl_tensor *l, dl_tensor *weight, dl_reduction r)
{
    if (!weight || dl_is_nil(l)) return dli_reduced(c, l, r);
    if (!dli_check(c, who, "weight", weight, DL_REAL)) return DLI_NIL;
    if (!dli_same_shape(l, weight)) return dl_fail(c, "%s: weight %t for %t", who, weight, l);
    l = dl_mul(c, l, weight);
    return r == DL_MEAN ? dl_div(c, dli_sum_all(c, l), dli_sum_all(c, weight)) : dli_reduced(c, l, r);
}

/* Elementwise ops of two inputs that need not be fast: rows like those of DL_BINARY_OPS, as plain loops.
   xlogy: 0 log 0 = 0;   bce: logarithms are at least -100, as in PyTorch */
static dl_real dli_log_p(dl_real p)     { dl_real l = dli_log_portable(p);    return l < -100 ? -100 : l; }
static dl_real dli_log_not_p(dl_real p) { dl_real l = dli_log1p_portable(-p); return l < -100 ? -100 : l; }
static dl_real dli_at_least(dl_real x, dl_real low) { return x < low ? low : x; }
#define DLI_PLAIN_OPS(OP)                                                                                            \
/*     name        y = f(a, b)                                      da                              db            */ \
    OP(xlogy,      a == 0 && b == b ? 0 : a * dli_log_portable(b),  a == 0 && b <= 0 ? 0 : g * dli_log_portable(b),  \
                                                                    a == 0 ? 0 : g * a / b)                          \
    OP(bce,        -(b * dli_log_p(a) + (1 - b) * dli_log_not_p(a)), g * (a - b) / dli_at_least(a * (1 - a), DLI_C(1e-12)), \
                                                                    g * (dli_log_not_p(a) - dli_log_p(a)))
#define DLI_LOOP(name, last, f)                                                                                      \
    static void name(dl_real *DLI_RESTRICT out, const dl_real *const *in, int64_t n, const dl_real *s)               \
    { int64_t i; (void)s; for (i = 0; i < n; i++) { const dl_real a = in[0][i], b = in[1][i], g = in[last][i]; (void)b; (void)g; out[i] = (f); } }
#define DLI_ROW(name, f, da, db)                                                                                     \
    DLI_LOOP(dli_##name##_f, 0, f) DLI_LOOP(dli_##name##_da, 3, da) DLI_LOOP(dli_##name##_db, 3, db)                 \
    static void dli_##name##_forward(dl_ctx *c, dl_tensor *y)  { dli_map_forward(c, y, dli_##name##_f); }            \
    static void dli_##name##_backward(dl_ctx *c, dl_tensor *y)                                                       \
    { dli_map *df[2]; df[0] = dli_##name##_da; df[1] = dli_##name##_db; dli_map_backward(c, y, 0, 2, df); }          \
    static const dl_op dli_##name##_op = { #name, dli_broadcast_shape, dli_##name##_forward, dli_##name##_backward }; \
    static dl_tensor *dli_##name(dl_ctx *c, dl_tensor *a, dl_tensor *b)                                              \
    { dl_tensor *x[2]; x[0] = a; x[1] = b; return dl_apply(c, &dli_##name##_op, 2, x, NULL, 0); }
DLI_PLAIN_OPS(DLI_ROW)
#undef DLI_ROW
#undef DLI_LOOP

/* log(1 + exp(z)), without overflow: the cross-entropy of the logit z and the answer no */
static dl_tensor *dli_log1p_exp(dl_ctx *c, dl_tensor *z) { return dl_bce_logits(c, z, dl_scalar(c, 0)); }

/* --- squared and absolute errors ----------------------------------------------------------------------- */
DL_DEF dl_tensor *dl_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_mse_loss_opts o)
{
    if (!dli_check_loss(c, "mse_loss", x, target, o.reduction)) return DLI_NIL;
    return dli_weighted(c, "mse_loss", dl_squared_error(c, x, target), o.weight, o.reduction);
}
DL_DEF dl_tensor *dl_half_mse_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_half_mse_loss_opts o)
{
    if (!dli_check_loss(c, "half_mse_loss", x, target, o.reduction)) return DLI_NIL;
    return dl_mul_scalar(c, dli_reduced(c, dl_squared_error(c, x, target), o.reduction), DLI_C(0.5));
}
DL_DEF dl_tensor *dl_sse_loss(dl_ctx *c, dl_tensor *x, dl_tensor *target)
{
    if (!dli_check_loss(c, "sse_loss", x, target, DL_SUM)) return DLI_NIL;
    return dl_mul_scalar(c, dli_sum_all(c, dl_squared_error(c, x, target)), DLI_C(0.5));
}
DL_DEF dl_tensor *dl_l1_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_l1_loss_opts o)
{
    if (!dli_check_loss(c, "l1_loss", x, target, o.reduction)) return DLI_NIL;
    return dli_weighted(c, "l1_loss", dl_abs(c, dl_sub(c, x, target)), o.weight, o.reduction);
}

/* q (e - q / 2) with e = abs(x - t), q = min(e, delta): both branches at once, gradients included */
static dl_tensor *dli_huber(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_real delta)
{
    dl_tensor *e = dl_abs(c, dl_sub(c, x, target)), *q = dl_clamp(c, e, 0, delta);
    return dl_mul(c, q, dl_sub(c, e, dl_mul_scalar(c, q, DLI_C(0.5))));
}
DL_DEF dl_tensor *dl_huber_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_huber_loss_opts o)
{
    dl_real delta = o.delta == 0 ? 1 : o.delta;
    if (!dli_check_loss(c, "huber_loss", x, target, o.reduction)) return DLI_NIL;
    if (!dli_check_option(c, "huber_loss", "delta, which must be positive,", delta, delta > 0)) return DLI_NIL;
    if (!dli_check_weight(c, "huber_loss", o.weight, x)) return DLI_NIL;
    x = dli_huber(c, x, target, delta);
    return dli_reduced(c, o.weight ? dl_mul(c, x, o.weight) : x, o.reduction);
}
DL_DEF dl_tensor *dl_smooth_l1_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_smooth_l1_loss_opts o)
{
    dl_real beta = dli_or_real(o.beta, 1);
    if (!dli_check_loss(c, "smooth_l1_loss", x, target, o.reduction)) return DLI_NIL;
    if (!dli_check_option(c, "smooth_l1_loss", "beta, which must not be negative,", beta, beta >= 0)) return DLI_NIL;
    if (beta == 0) return dli_reduced(c, dl_abs(c, dl_sub(c, x, target)), o.reduction);
    return dli_reduced(c, dl_div_scalar(c, dli_huber(c, x, target, beta), beta), o.reduction);
}

/* --- class labels: cross-entropy, nll, focal -------------------------------------------------------------
   Scores are (outer, C, inner) in memory, labels (outer, inner). */
typedef struct { dl_tensor *weight; int32_t ignore; dl_reduction reduction; dl_real smoothing; } dli_label_args;

static dl_real dli_class_weight(const dli_label_args *o, int64_t k) { return o->weight ? o->weight->data[k] : 1; }

static int64_t dli_classes(const dl_tensor *x) { return x->ndim > 1 ? x->shape[1] : x->size; }

/* Whether t holds a label, or else (distributions) a row of probabilities, for every place of the scores x. */
static int dli_check_labels(dl_ctx *c, const char *who, const dl_tensor *x, const dl_tensor *t, const dli_label_args *o, int distributions)
{
    int64_t i, C;
    int d, fits;
    if (!dli_check(c, who, "x", x, DL_REAL)) return 0;
    if (dl_is_nil(t) || t->dtype != DL_REAL || !distributions) if (!dli_check(c, who, "target", t, DL_INT32)) return 0;
    if (o->weight && !dli_check(c, who, "weight", o->weight, DL_REAL)) return 0;
    if (!dli_check_reduction(c, who, o->reduction)) return 0;
    if (x->ndim < 1) { dl_fail(c, "%s: scores %t, expected (N, C, ..) or (C)", who, x); return 0; }
    C = dli_classes(x);
    if (t->dtype == DL_REAL) fits = dli_same_shape(x, t);
    else for (fits = t->ndim == x->ndim - 1, d = 0; fits && d < t->ndim; d++) fits = t->shape[d] == x->shape[d + (d > 0)];
    if (!fits) { dl_fail(c, "%s: scores %t with target %t, expected (N, C, ..) with labels (N, ..)%s", who, x, t,
                         distributions ? " or probabilities (N, C, ..)" : ""); return 0; }
    if (o->weight && o->weight->size != C) { dl_fail(c, "%s: weight %t for %l classes", who, o->weight, C); return 0; }
    for (i = 0; t->dtype == DL_INT32 && i < t->size; i++)
        if (t->idata[i] != o->ignore && (t->idata[i] < 0 || t->idata[i] >= C)) {
            dl_fail(c, "%s: label %d at index %l, expected 0 to %l", who, (int)t->idata[i], i, C - 1);
            return 0;
        }
    return 1;
}

/* What DL_MEAN divides by: the sum of the weights of the labels that count, or the number of distributions. */
static dl_real dli_label_total(const dl_tensor *t, const dli_label_args *o, int64_t rows)
{
    dl_real total = 0;
    int64_t i;
    if (o->reduction != DL_MEAN) return 1;
    if (t->dtype == DL_REAL) return (dl_real)rows;
    for (i = 0; i < rows; i++) if (t->idata[i] != o->ignore) total += dli_class_weight(o, t->idata[i]);
    return total;
}

/* cross-entropy of logits x (N, C) and target distribution q, classes weighted by w:
   u_k = w_k ((1 - s) q_k + s / C),   l = sum_k u_k (lse(x) - x_k)
   dx = g (softmax(x) sum_k u_k - u),   dq = g (1 - s) w (lse(x) - x)
   An int target t has q = onehot(t).  No (N, C) buffer is kept: lse is, as top + log_sum, so that no digits are lost. */
typedef struct { dl_real *top, *log_sum, *total, *loss, denominator; } dli_ce_saved;                    /* total: sum_k u_k */
typedef struct { const dl_ctx *c; const dl_tensor *y; dli_ce_saved *saved; dl_real *dx, *dq; int add_x, add_q; int64_t per_task; } dli_ce_job;

static int dli_ce_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_label_args *o = (const dli_label_args *)y->opts;
    return dl_set_shape(c, y, o->reduction == DL_NONE ? y->src[0]->ndim - 1 : 0, y->src[0]->shape);
}

/* u_k for n classes from `first` on, n <= DLI_CHUNK */
static void dli_ce_u(const dli_ce_job *j, int64_t row, int64_t first, int64_t n, dl_real *u)
{
    const dli_label_args *o = (const dli_label_args *)j->y->opts;
    const dl_tensor *t = j->y->src[1];
    int64_t C = j->y->src[0]->shape[j->y->src[0]->ndim - 1], k;
    dl_real even = o->smoothing / (dl_real)C;
    if (t->dtype == DL_REAL) for (k = 0; k < n; k++) u[k] = (1 - o->smoothing) * t->data[row * C + first + k] + even;
    else {
        for (k = 0; k < n; k++) u[k] = even;
        k = t->idata[row] - first;
        if (k >= 0 && k < n) u[k] += 1 - o->smoothing;
    }
    for (k = 0; k < n && o->weight; k++) u[k] *= o->weight->data[first + k];
}
static void dli_ce_forward_task(void *arg, int64_t task, int worker)
{
    const dli_ce_job *j = (const dli_ce_job *)arg;
    const dli_label_args *o = (const dli_label_args *)j->y->opts;
    const dl_tensor *x = j->y->src[0], *t = j->y->src[1];
    int64_t C = x->shape[x->ndim - 1], i, k, n, hi = dli_min64((task + 1) * j->per_task, x->size / C);
    dl_real u[DLI_CHUNK], z[DLI_CHUNK], s[2] = {0, 0};
    (void)worker;
    for (i = task * j->per_task; i < hi; i++) {
        const dl_real *row = x->data + i * C, *in = row;
        dl_real top = j->c->k->max(row, C), log_sum = j->c->k->log_sum_exp(row, top, C), loss = 0, total = 0;
        if (t->dtype == DL_INT32 && t->idata[i] == o->ignore) {}
        else if (t->dtype == DL_INT32 && o->smoothing == 0) {
            total = dli_class_weight(o, t->idata[i]);
            loss = total * (top - row[t->idata[i]] + log_sum);
        } else {
            for (k = 0, s[0] = top; k < C; k += n, in += n) {
                n = dli_min64(C - k, DLI_CHUNK);
                dli_ce_u(j, i, k, n, u);
                j->c->k->f_rsub_scalar(z, &in, n, s);
                loss += j->c->k->dot(u, z, n);
                total += j->c->k->sum(u, n);
            }
            loss += total * log_sum;
        }
        j->saved->top[i] = top;
        j->saved->log_sum[i] = log_sum;
        j->saved->total[i] = total;
        j->saved->loss[i] = loss;
    }
}
static void dli_ce_backward_task(void *arg, int64_t task, int worker)
{
    const dli_ce_job *j = (const dli_ce_job *)arg;
    const dli_label_args *o = (const dli_label_args *)j->y->opts;
    const dl_tensor *x = j->y->src[0], *t = j->y->src[1];
    int64_t C = x->shape[x->ndim - 1], i, k, n, hi = dli_min64((task + 1) * j->per_task, x->size / C);
    dl_real u[DLI_CHUNK];
    (void)worker;
    for (i = task * j->per_task; i < hi; i++) {
        const dl_real *row = x->data + i * C;
        dl_real *dx = j->dx + (j->dx ? i * C : 0), top = j->saved->top[i], log_sum = j->saved->log_sum[i];
        dl_real g = o->reduction == DL_NONE ? j->y->grad[i] : j->y->grad[0] / j->saved->denominator;
        if (t->dtype == DL_INT32 && t->idata[i] == o->ignore) {
            if (dx && !j->add_x) memset(dx, 0, (size_t)C * sizeof *dx);
            continue;
        }
        if (dx) j->c->k->exp_row(dx, g * j->saved->total[i] * dli_exp_portable(-log_sum), row, top, C, j->add_x);
        if (dx && t->dtype == DL_INT32 && o->smoothing == 0) dx[t->idata[i]] -= g * j->saved->total[i];
        else for (k = 0; dx && k < C; k += n) {
            n = dli_min64(C - k, DLI_CHUNK);
            dli_ce_u(j, i, k, n, u);
            j->c->k->axpy(dx + k, -g, u, n);
        }
        for (k = 0; j->dq && k < C; k++) {
            dl_real *p = j->dq + i * C + k;
            *p = (j->add_q ? *p : 0) + g * (1 - o->smoothing) * dli_class_weight(o, k) * (top - row[k] + log_sum);
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
    const dli_label_args *o = (const dli_label_args *)y->opts;
    const dl_tensor *x = y->src[0];
    int64_t N = x->size / x->shape[x->ndim - 1];
    dli_ce_saved *s = (dli_ce_saved *)dl_alloc(c, sizeof *s + 4 * (size_t)N * sizeof(dl_real));
    dli_ce_job j;
    if (!s) return;
    memset(&j, 0, sizeof j);
    y->saved = j.saved = s;
    s->top = (dl_real *)(void *)(s + 1);
    s->log_sum = s->top + N;
    s->total = s->log_sum + N;
    s->loss = s->total + N;
    s->denominator = dli_label_total(y->src[1], o, N);
    j.c = c; j.y = y;
    dli_ce_rows(c, dli_ce_forward_task, &j);
    if (o->reduction == DL_NONE) memcpy(y->data, s->loss, (size_t)N * sizeof *y->data);
    else y->data[0] = c->k->sum(s->loss, N) / s->denominator;
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

/* (N, C, d1, ..) -> (N d1 .., C) */
static dl_tensor *dli_classes_last(dl_ctx *c, dl_tensor *x)
{
    dl_order order;
    dl_shape shape = {{0}};
    int d;
    for (d = 0; d < DL_MAX_DIMS; d++) order.d[d] = d == 0 ? 0 : d < x->ndim - 1 ? d + 1 : 1;
    shape.d[1] = x->shape[1];
    shape.d[0] = x->size / x->shape[1];
    return dl_reshape(c, dl_permute(c, x, order), shape);
}
static dl_tensor *dli_cross_entropy(dl_ctx *c, const char *who, dl_tensor *x, dl_tensor *t, const dli_label_args *o)
{
    dl_tensor *s[2], *l;
    dl_shape places = {{0}};
    int d;
    if (!dli_check_labels(c, who, x, t, o, 1)) return DLI_NIL;
    s[0] = x; s[1] = t;
    if (x->ndim > 2) {
        for (d = 0; d < x->ndim - 1; d++) places.d[d] = x->shape[d + (d > 0)];
        s[0] = dli_classes_last(c, x);
        s[1] = t->dtype == DL_REAL ? dli_classes_last(c, t) : dl_flatten(c, t, 0, -1);
    }
    l = dl_apply(c, &dli_cross_entropy_op, 2, s, o, sizeof *o);
    return x->ndim > 2 && o->reduction == DL_NONE ? dl_reshape(c, l, places) : l;
}
DL_DEF dl_tensor *dl_cross_entropy_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_cross_entropy_opts opts)
{
    dli_label_args o;
    o.weight = opts.weight;
    o.ignore = dli_or(opts.ignore_index, -100);
    o.reduction = opts.reduction;
    o.smoothing = opts.label_smoothing;
    if (!(o.smoothing >= 0 && o.smoothing <= 1)) return dl_fail(c, "cross_entropy: label_smoothing is %g, expected 0 to 1", (double)o.smoothing);
    return dli_cross_entropy(c, "cross_entropy", logits, target, &o);
}

/* nll:  l = -w_t x_t                                           dx_t = -g w_t */
static int dli_nll_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_label_args *o = (const dli_label_args *)y->opts;
    if (!dli_check_labels(c, "nll_loss", y->src[0], y->src[1], o, 0)) return 0;
    return dl_set_shape(c, y, o->reduction == DL_NONE ? y->src[1]->ndim : 0, y->src[1]->shape);
}
/* Where label i points to in the scores x; -1: it is ignored. */
static int64_t dli_label_place(const dl_tensor *x, const dl_tensor *t, int32_t ignore, int64_t i)
{
    int64_t C = dli_classes(x), inner = x->ndim > 1 ? x->size / (x->shape[0] * C) : 1;
    return t->idata[i] == ignore ? -1 : (i / inner * C + t->idata[i]) * inner + i % inner;
}
static void dli_nll_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_label_args *o = (const dli_label_args *)y->opts;
    const dl_tensor *x = y->src[0], *t = y->src[1];
    dl_real *s = (dl_real *)dl_alloc(c, (size_t)(t->size + 1) * sizeof *s);
    int64_t i, at;
    if (!s) return;
    y->saved = s;
    for (i = 0; i < t->size; i++) {
        at = dli_label_place(x, t, o->ignore, i);
        s[i + 1] = at < 0 ? 0 : -dli_class_weight(o, t->idata[i]) * x->data[at];
    }
    s[0] = dli_label_total(t, o, t->size);
    if (o->reduction == DL_NONE) memcpy(y->data, s + 1, (size_t)t->size * sizeof *s);
    else y->data[0] = c->k->sum(s + 1, t->size) / s[0];
}
static void dli_nll_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_label_args *o = (const dli_label_args *)y->opts;
    dl_tensor *x = y->src[0], *t = y->src[1];
    int64_t i, at;
    int add;
    dl_real *dx = dl_grad_of(c, x, &add), total = *(const dl_real *)y->saved;
    if (!dx) return;
    if (!add) memset(dx, 0, (size_t)x->size * sizeof *dx);
    for (i = 0; i < t->size; i++) {
        at = dli_label_place(x, t, o->ignore, i);
        if (at >= 0) dx[at] -= y->grad[o->reduction == DL_NONE ? i : 0] / total * dli_class_weight(o, t->idata[i]);
    }
}
static const dl_op dli_nll_loss_op = { "nll_loss", dli_nll_shape, dli_nll_forward, dli_nll_backward };
DL_DEF dl_tensor *dl_nll_loss_with(dl_ctx *c, dl_tensor *log_probs, dl_tensor *target, dl_nll_loss_opts opts)
{
    dl_tensor *s[2];
    dli_label_args o;
    s[0] = log_probs; s[1] = target;
    o.weight = opts.weight;
    o.ignore = dli_or(opts.ignore_index, -100);
    o.reduction = opts.reduction;
    o.smoothing = 0;
    return dl_apply(c, &dli_nll_loss_op, 2, s, &o, sizeof o);
}

/* focal, of the cross-entropy e = -log p_t:  l = w_t (1 - exp(-e))^gamma e */
DL_DEF dl_tensor *dl_focal_loss_with(dl_ctx *c, dl_tensor *logits, dl_tensor *target, dl_focal_loss_opts opts)
{
    dl_real gamma = dli_or_real(opts.gamma, 2);
    dli_label_args o;
    dl_tensor *e, *w;
    int64_t i;
    o.weight = opts.weight;
    o.ignore = dli_or(opts.ignore_index, -100);
    o.reduction = opts.reduction;
    o.smoothing = 0;
    if (!dli_check_labels(c, "focal_loss", logits, target, &o, 0)) return DLI_NIL;
    if (!dli_check_option(c, "focal_loss", "gamma, which must not be negative,", gamma, gamma >= 0)) return DLI_NIL;
    w = dli_leaf(c, "focal_loss", DL_REAL, target->ndim, target->shape, 0);
    for (i = 0; i < w->size; i++) w->data[i] = target->idata[i] == o.ignore ? 0 : dli_class_weight(&o, target->idata[i]);
    o.weight = NULL;
    o.reduction = DL_NONE;
    e = dli_cross_entropy(c, "focal_loss", logits, target, &o);
    if (gamma != 0) e = dl_mul(c, e, dl_pow_scalar(c, dl_neg(c, dl_expm1(c, dl_neg(c, e))), gamma));
    return dli_weighted(c, "focal_loss", e, w, opts.reduction);
}

/* --- yes or no ------------------------------------------------------------------------------------------- */
DL_DEF dl_tensor *dl_bce_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_bce_loss_opts o)
{
    const char *who = "bce_loss";
    dl_tensor *l;
    int64_t i;
    if (!dli_check_loss(c, who, p, target, o.reduction) || !dli_check_weight(c, who, o.weight, p)) return DLI_NIL;
    for (i = 0; i < p->size; i++)
        if (p->data[i] < 0 || p->data[i] > 1)
            return dl_fail(c, "%s: %g at index %l is no probability; for logits use bce_with_logits", who, (double)p->data[i], i);
    l = dli_bce(c, p, target);
    return dli_reduced(c, o.weight ? dl_mul(c, l, o.weight) : l, o.reduction);
}

/* with pos_weight p:  (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)) */
DL_DEF dl_tensor *dl_bce_with_logits_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_bce_with_logits_opts o)
{
    const char *who = "bce_with_logits";
    dl_tensor *l;
    if (!dli_check_loss(c, who, x, target, o.reduction) || !dli_check_weight(c, who, o.weight, x) ||
        !dli_check_weight(c, who, o.pos_weight, x)) return DLI_NIL;
    if (!o.pos_weight) l = dl_bce_logits(c, x, target);
    else {
        dl_tensor *factor = dl_add_scalar(c, dl_mul(c, dl_sub_scalar(c, o.pos_weight, 1), target), 1);
        l = dl_add(c, dl_mul(c, dl_rsub_scalar(c, target, 1), x), dl_mul(c, factor, dli_log1p_exp(c, dl_neg(c, x))));
    }
    if (o.weight) l = dl_mul(c, l, o.weight);
    return dli_reduced(c, l, o.reduction);
}

/* 1 - p_t = t sigmoid(-x) + (1 - t) sigmoid(x): near 0 it keeps its digits, unlike 1 - p */
DL_DEF dl_tensor *dl_sigmoid_focal_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_sigmoid_focal_loss_opts o)
{
    const char *who = "sigmoid_focal_loss";
    dl_real alpha = o.alpha == 0 ? DLI_C(0.25) : o.alpha, gamma = dli_or_real(o.gamma, 2);
    dl_tensor *l, *no, *wrong;
    if (!dli_check_loss(c, who, x, target, o.reduction)) return DLI_NIL;
    if (!dli_check_option(c, who, "gamma, which must not be negative,", gamma, gamma >= 0)) return DLI_NIL;
    if (!dli_check_option(c, who, "alpha, expected at most 1,", alpha, alpha <= 1)) return DLI_NIL;
    l = dl_bce_logits(c, x, target);
    no = dl_rsub_scalar(c, target, 1);
    wrong = dl_add(c, dl_mul(c, target, dl_sigmoid(c, dl_neg(c, x))), dl_mul(c, no, dl_sigmoid(c, x)));
    if (gamma != 0) l = dl_mul(c, l, dl_pow_scalar(c, wrong, gamma));
    if (alpha >= 0) l = dl_mul(c, l, dl_add(c, dl_mul_scalar(c, target, alpha), dl_mul_scalar(c, no, 1 - alpha)));
    return dli_reduced(c, l, o.reduction);
}

/* --- distributions --------------------------------------------------------------------------------------- */
DL_DEF dl_tensor *dl_kl_div_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_kl_div_opts o)
{
    dl_tensor *l;
    if (!dli_check_loss(c, "kl_div", x, target, o.reduction)) return DLI_NIL;
    if (o.log_target) l = dl_mul(c, dl_exp(c, target), dl_sub(c, target, x));
    else l = dl_sub(c, dli_xlogy(c, target, target), dl_mul(c, target, x));
    return o.batchmean ? dl_div_scalar(c, dli_sum_all(c, l), (dl_real)x->shape[0]) : dli_reduced(c, l, o.reduction);
}

#define DLI_LOG_2PI 1.8378770664093453
DL_DEF dl_tensor *dl_poisson_nll_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_poisson_nll_loss_opts o)
{
    const char *who = "poisson_nll_loss";
    dl_real eps = dli_or_real(o.eps, 1e-8);
    dl_tensor *l, *one, *t, *stirling;
    if (!dli_check_loss(c, who, x, target, o.reduction)) return DLI_NIL;
    if (!dli_check_option(c, who, "eps, which must not be negative,", eps, eps >= 0)) return DLI_NIL;
    if (o.no_log_input) l = dl_sub(c, x, dl_mul(c, target, dl_log(c, dl_add_scalar(c, x, eps))));
    else l = dl_sub(c, dl_exp(c, x), dl_mul(c, target, x));
    if (o.full) {
        one = dl_scalar(c, 1);
        t = dl_maximum(c, target, one);
        stirling = dl_add(c, dl_sub(c, dli_xlogy(c, t, t), t), dl_mul_scalar(c, dl_add_scalar(c, dl_log(c, t), DLI_C(DLI_LOG_2PI)), DLI_C(0.5)));
        l = dl_add(c, l, dl_where(c, dl_gt(c, target, one), stirling, dl_scalar(c, 0)));
    }
    return dli_reduced(c, l, o.reduction);
}

DL_DEF dl_tensor *dl_gaussian_nll_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_tensor *var, dl_gaussian_nll_loss_opts o)
{
    const char *who = "gaussian_nll_loss";
    dl_real eps = dli_or_real(o.eps, 1e-6);
    dl_tensor *l, *rise;
    int64_t i;
    int d, fits;
    if (!dli_check_loss(c, who, x, target, o.reduction) || !dli_check(c, who, "var", var, DL_REAL)) return DLI_NIL;
    if (!dli_check_option(c, who, "eps, which must not be negative,", eps, eps >= 0)) return DLI_NIL;
    for (i = 0; i < var->size; i++)
        if (var->data[i] < 0) return dl_fail(c, "%s: variance %g at index %l is negative", who, (double)var->data[i], i);
    if (var->ndim == x->ndim - 1) var = dl_unsqueeze(c, var, -1);
    for (fits = var->ndim == x->ndim, d = 0; fits && d < x->ndim; d++) fits = var->shape[d] == x->shape[d] || var->shape[d] == 1;
    if (!fits) return dl_fail(c, "%s: %t with variances %t", who, x, var);
    rise = dli_leaf(c, who, DL_REAL, var->ndim, var->shape, 0);
    for (i = 0; i < rise->size; i++) rise->data[i] = var->data[i] < eps ? eps - var->data[i] : 0;
    var = dl_add(c, var, rise);                           /* max(var, eps), with the gradient of var everywhere */
    l = dl_mul_scalar(c, dl_add(c, dl_log(c, var), dl_div(c, dl_squared_error(c, x, target), var)), DLI_C(0.5));
    return dli_reduced(c, o.full ? dl_add_scalar(c, l, DLI_C(DLI_LOG_2PI / 2)) : l, o.reduction);
}

/* --- margins --------------------------------------------------------------------------------------------- */

/* max(0, s x + margin) */
static dl_tensor *dli_hinge(dl_ctx *c, dl_tensor *x, dl_real s, dl_real margin)
{
    return dl_relu(c, dl_add_scalar(c, s == 1 ? x : dl_mul_scalar(c, x, s), margin));
}

/* yes where y is not -1, plus no where y is not 1: one of the two for y = 1 and -1 */
static dl_tensor *dli_by_sign(dl_ctx *c, dl_tensor *y, dl_tensor *yes, dl_tensor *no)
{
    dl_tensor *zero = dl_scalar(c, 0);
    return dl_add(c, dl_where(c, dl_ne(c, y, dl_scalar(c, -1)), yes, zero), dl_where(c, dl_ne(c, y, dl_scalar(c, 1)), no, zero));
}

DL_DEF dl_tensor *dl_hinge_embedding_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *y, dl_hinge_embedding_loss_opts o)
{
    if (!dli_check_loss(c, "hinge_embedding_loss", x, y, o.reduction)) return DLI_NIL;
    return dli_reduced(c, dli_by_sign(c, y, x, dli_hinge(c, x, -1, dli_or_real(o.margin, 1))), o.reduction);
}

DL_DEF dl_tensor *dl_margin_ranking_loss_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_tensor *y, dl_margin_ranking_loss_opts o)
{
    const char *who = "margin_ranking_loss";
    if (!dli_check_loss(c, who, a, b, o.reduction) || !dli_check_loss(c, who, a, y, o.reduction)) return DLI_NIL;
    return dli_reduced(c, dli_hinge(c, dl_mul(c, y, dl_sub(c, b, a)), 1, o.margin), o.reduction);
}

DL_DEF dl_tensor *dl_soft_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *y, dl_soft_margin_loss_opts o)
{
    if (!dli_check_loss(c, "soft_margin_loss", x, y, o.reduction)) return DLI_NIL;
    return dli_reduced(c, dli_log1p_exp(c, dl_neg(c, dl_mul(c, y, x))), o.reduction);
}

/* cos = a b / sqrt((a^2 + e) (b^2 + e)), e = 1e-12 */
DL_DEF dl_tensor *dl_cosine_embedding_loss_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_tensor *y, dl_cosine_embedding_loss_opts o)
{
    const char *who = "cosine_embedding_loss";
    dl_tensor *cosine, *aa, *bb, *zero, *yes, *no;
    if (!dli_check_loss(c, who, a, b, o.reduction) || !dli_check(c, who, "y", y, DL_REAL)) return DLI_NIL;
    if (a->ndim < 1 || a->ndim > 2 || y->ndim != a->ndim - 1 || (y->ndim && y->size != a->shape[0]))
        return dl_fail(c, "%s: %t with labels %t, expected (N, D) with (N), or (D) with ()", who, a, y);
    aa = dl_add_scalar(c, dli_sum_over(c, dl_square(c, a), DL_DIM(-1)), DLI_C(1e-12));
    bb = dl_add_scalar(c, dli_sum_over(c, dl_square(c, b), DL_DIM(-1)), DLI_C(1e-12));
    cosine = dl_div(c, dli_sum_over(c, dl_mul(c, a, b), DL_DIM(-1)), dl_sqrt(c, dl_mul(c, aa, bb)));
    zero = dl_scalar(c, 0);
    yes = dl_where(c, dl_eq(c, y, dl_scalar(c, 1)), dl_rsub_scalar(c, cosine, 1), zero);
    no = dl_where(c, dl_eq(c, y, dl_scalar(c, -1)), dli_hinge(c, cosine, 1, -o.margin), zero);
    return dli_reduced(c, dl_add(c, yes, no), o.reduction);
}

DL_DEF dl_tensor *dl_pairwise_distance_with(dl_ctx *c, dl_tensor *a, dl_tensor *b, dl_pairwise_distance_opts o)
{
    dl_norm_opts n;
    memset(&n, 0, sizeof n);
    if (!dli_check_loss(c, "pairwise_distance", a, b, DL_NONE)) return DLI_NIL;
    if (a->ndim < 1) return dl_fail(c, "pairwise_distance: %t has no axis", a);
    if (!dli_check_option(c, "pairwise_distance", "p, which must be positive,", o.p, o.p >= 0)) return DLI_NIL;
    n.dims = DL_DIM(-1);
    n.keepdim = o.keepdim;
    n.p = (double)o.p;
    return dl_norm_with(c, dl_add_scalar(c, dl_sub(c, a, b), dli_or_real(o.eps, 1e-6)), n);
}

DL_DEF dl_tensor *dl_triplet_margin_loss_with(dl_ctx *c, dl_tensor *anchor, dl_tensor *positive, dl_tensor *negative,
                                              dl_triplet_margin_loss_opts o)
{
    const char *who = "triplet_margin_loss";
    dl_tensor *pair[3][2], *d[3];
    dl_real margin = dli_or_real(o.margin, 1);
    dl_pairwise_distance_opts p;
    int i;
    if (!dli_check_loss(c, who, anchor, positive, o.reduction) || !dli_check_loss(c, who, anchor, negative, o.reduction)) return DLI_NIL;
    if (!dli_check_option(c, who, "margin, which must not be negative,", margin, margin >= 0)) return DLI_NIL;
    memset(&p, 0, sizeof p);
    p.p = o.p;
    p.eps = o.eps;
    pair[0][0] = anchor; pair[0][1] = positive; pair[1][0] = anchor; pair[1][1] = negative; pair[2][0] = positive; pair[2][1] = negative;
    for (i = 0; i < (o.swap ? 3 : 2); i++)
        d[i] = o.distance ? o.distance(c, pair[i][0], pair[i][1]) : dl_pairwise_distance_with(c, pair[i][0], pair[i][1], p);
    if (o.swap) d[1] = dl_minimum(c, d[1], d[2]);
    return dli_reduced(c, dli_hinge(c, dl_sub(c, d[0], d[1]), 1, margin), o.reduction);
}

/* x as (N, C), from (C) too */
static dl_tensor *dli_as_rows(dl_ctx *c, dl_tensor *x) { return x->ndim == 2 ? x : dl_unsqueeze(c, x, 0); }

/* relu(x_k - x_t + margin)^p times a constant: w_t / C, 0 for k = t */
DL_DEF dl_tensor *dl_multi_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multi_margin_loss_opts opts)
{
    const char *who = "multi_margin_loss";
    dli_label_args o;
    dl_tensor *l, *factor, *rows;
    dl_shape column = {{-1, 1}};
    int64_t C, i;
    o.weight = opts.weight; o.ignore = -100; o.reduction = opts.reduction; o.smoothing = 0;
    if (!dli_check_labels(c, who, x, target, &o, 0)) return DLI_NIL;
    if (x->ndim > 2) return dl_fail(c, "%s: scores %t, expected (N, C) or (C)", who, x);
    if (opts.p < 0 || opts.p > 2) return dl_fail(c, "%s: p is %d, expected 1 or 2", who, opts.p);
    C = dli_classes(x);
    rows = dli_as_rows(c, x);
    factor = dli_leaf(c, who, DL_REAL, 2, rows->shape, 0);
    for (i = 0; i < target->size; i++) if (target->idata[i] < 0) return dl_fail(c, "%s: label %d at index %l", who, (int)target->idata[i], i);
    for (i = 0; i < factor->size; i++)
        factor->data[i] = target->idata[i / C] == i % C ? 0 : dli_class_weight(&o, target->idata[i / C]) / (dl_real)C;
    l = dli_hinge(c, dl_sub(c, rows, dl_gather(c, rows, 1, dl_reshape(c, target, column))), 1, dli_or_real(opts.margin, 1));
    l = dli_sum_over(c, dl_mul(c, opts.p == 2 ? dl_square(c, l) : l, factor), DL_DIM(1));
    return dli_reduced(c, x->ndim == 1 ? dl_squeeze(c, l, 0) : l, o.reduction);
}

/* relu(1 - x_j + x_k) for up to K labels j and all k: (N, K, C), times a constant 1 / C or 0 */
DL_DEF dl_tensor *dl_multilabel_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multilabel_margin_loss_opts o)
{
    const char *who = "multilabel_margin_loss";
    dl_tensor *rows, *index, *factor, *l;
    int64_t N, C, K = 1, n, j, k, shape[3];
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check(c, who, "target", target, DL_INT32) || !dli_check_reduction(c, who, o.reduction))
        return DLI_NIL;
    if (x->ndim < 1 || x->ndim > 2 || !dli_same_shape(x, target)) return dl_fail(c, "%s: %t with target %t, expected (N, C) or (C)", who, x, target);
    C = x->shape[x->ndim - 1];
    N = x->size / C;
    for (n = 0; n < N; n++)
        for (j = 0; j < C && target->idata[n * C + j] != -1; j++) {
            if (target->idata[n * C + j] < 0 || target->idata[n * C + j] >= C)
                return dl_fail(c, "%s: label %d at index %l, expected 0 to %l, or -1 to end", who, (int)target->idata[n * C + j], n * C + j, C - 1);
            if (j >= K) K = j + 1;
        }
    rows = dli_as_rows(c, x);
    shape[0] = N; shape[1] = K; shape[2] = C;
    index = dli_leaf(c, who, DL_INT32, 2, shape, 0);
    factor = dli_leaf(c, who, DL_REAL, 3, shape, 0);
    if (c->failed) return DLI_NIL;
    for (n = 0; n < N; n++) {
        const int32_t *t = target->idata + n * C;
        int64_t labels = 0;
        dl_real *f = factor->data + n * K * C;
        while (labels < C && t[labels] != -1) labels++;
        for (j = 0; j < K; j++) {
            index->idata[n * K + j] = j < labels ? t[j] : 0;
            for (k = 0; k < C; k++) f[j * C + k] = j < labels ? 1 / (dl_real)C : 0;
        }
        for (j = 0; j < labels; j++) for (k = 0; k < labels; k++) f[j * C + t[k]] = 0;
    }
    l = dl_sub(c, dl_unsqueeze(c, rows, 1), dl_unsqueeze(c, dl_gather(c, rows, 1, index), 2));
    l = dli_sum_over(c, dl_mul(c, dli_hinge(c, l, 1, 1), factor), DL_DIM(1) | DL_DIM(2));
    return dli_reduced(c, x->ndim == 1 ? dl_squeeze(c, l, 0) : l, o.reduction);
}

DL_DEF dl_tensor *dl_multilabel_soft_margin_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_multilabel_soft_margin_loss_opts o)
{
    const char *who = "multilabel_soft_margin_loss";
    dl_tensor *l;
    if (!dli_check_loss(c, who, x, target, o.reduction) || !dli_check_weight(c, who, o.weight, x)) return DLI_NIL;
    if (x->ndim < 1) return dl_fail(c, "%s: %t has no axis of classes", who, x);
    l = dl_bce_logits(c, x, target);
    if (o.weight) l = dl_mul(c, l, o.weight);
    l = dli_apply_reduce(c, &dli_mean_op, l, DL_DIM(-1), 0, (double)x->shape[x->ndim - 1]);
    return dli_reduced(c, l, o.reduction);
}

/* --- overlap --------------------------------------------------------------------------------------------- */
static dl_tensor *dli_tversky(dl_ctx *c, const char *who, dl_tensor *p, dl_tensor *t, dl_tversky_loss_opts o)
{
    dl_tensor *tp, *fp, *fn, *top;
    unsigned dims = o.batch ? DL_DIM(0) : 0;
    int d;
    if (!dli_check_loss(c, who, p, t, o.reduction)) return DLI_NIL;
    if (p->ndim < 3) return dl_fail(c, "%s: %t, expected (N, C, d1, ..)", who, p);
    if (!(o.alpha >= 0 && o.beta >= 0 && o.smooth >= 0))
        return dl_fail(c, "%s: alpha %g, beta %g, smooth %g, expected no negative number", who, (double)o.alpha, (double)o.beta, (double)o.smooth);
    for (d = 2; d < p->ndim; d++) dims |= DL_DIM(d);
    tp = dli_sum_over(c, dl_mul(c, p, t), dims);
    fp = dl_sub(c, dli_sum_over(c, p, dims), tp);
    fn = dl_sub(c, dli_sum_over(c, t, dims), tp);
    top = dl_add_scalar(c, tp, o.smooth);
    tp = dl_add(c, top, dl_add(c, dl_mul_scalar(c, fp, o.alpha), dl_mul_scalar(c, fn, o.beta)));
    return dli_reduced(c, dl_rsub_scalar(c, dl_div(c, top, tp), 1), o.reduction);
}
DL_DEF dl_tensor *dl_tversky_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_tversky_loss_opts o)
{
    o.alpha = dli_or_real(o.alpha, 0.3);
    o.beta = dli_or_real(o.beta, 0.7);
    o.smooth = dli_or_real(o.smooth, 1);
    return dli_tversky(c, "tversky_loss", p, target, o);
}
DL_DEF dl_tensor *dl_dice_loss_with(dl_ctx *c, dl_tensor *p, dl_tensor *target, dl_dice_loss_opts o)
{
    dl_tversky_loss_opts v;
    memset(&v, 0, sizeof v);
    v.alpha = v.beta = DLI_C(0.5);                        /* the fraction of dice, divided by 2 */
    v.smooth = dli_or_real(o.smooth, 1) / 2;
    v.batch = o.batch;
    v.reduction = o.reduction;
    return dli_tversky(c, "dice_loss", p, target, v);
}

/* --- ctc: a path is a walk over L = 2 S + 1 states, blank t_1 blank t_2 .. blank, of symbol z_s, that stays, goes to the next or,
   from one label to a different one, skips the blank; it starts in the first two states and ends in the last two.
   a_t(s) = log of the probability of all walks to s at time t = x_t(z_s) + log(exp a_t-1(s) + exp a_t-1(s-1) + exp a_t-1(s-2))
   b_t(s): the same from the end.   l = -log(exp a_T(L-1) + exp a_T(L-2)),   dx_t(k) = -g sum over z_s = k of exp(a + b - x + l) */
typedef struct { int blank, zero_infinity; dl_reduction reduction; } dli_ctc_args;
typedef struct { dl_real *loss, *alpha; int64_t *start; } dli_ctc_saved;      /* of each sample; alpha (N, T, L); where its labels are */
typedef struct { const dl_ctx *c; const dl_tensor *y; const dli_ctc_saved *saved; dl_real *dx, *beta; } dli_ctc_job;

static dl_real dli_minus_infinity(void) { double huge = 1e308; return (dl_real)(-huge * 10); }

static dl_real dli_log_add3(dl_real a, dl_real b, dl_real d)
{
    dl_real m = a > b ? a : b;
    if (d > m) m = d;
    if (m == dli_minus_infinity()) return m;
    return m + dli_log_portable(dli_exp_portable(a - m) + dli_exp_portable(b - m) + dli_exp_portable(d - m));
}

/* Sample n: its lengths, labels, states, and the memory of its scores, whose times are `step` apart. */
typedef struct { int64_t T, S, L, states, step; const int32_t *labels; const dl_real *x; dl_real *alpha; int blank; } dli_ctc_sample;

static dli_ctc_sample dli_ctc_get(const dl_tensor *y, const dli_ctc_saved *saved, int64_t n)
{
    const dl_tensor *x = y->src[0], *lengths = y->src[3];
    int64_t N = lengths->size, Smax = 0, i;
    dli_ctc_sample s;
    for (i = 0; i < N; i++) Smax = dli_max64(Smax, lengths->idata[i]);
    s.states = 2 * Smax + 1;
    s.T = y->src[2]->idata[n];
    s.S = lengths->idata[n];
    s.L = 2 * s.S + 1;
    s.step = x->size / x->shape[0];
    s.labels = y->src[1]->idata + saved->start[n];
    s.x = x->data + n * x->shape[x->ndim - 1];
    s.alpha = saved->alpha + n * x->shape[0] * s.states;
    s.blank = ((const dli_ctc_args *)y->opts)->blank;
    return s;
}
static int32_t dli_ctc_symbol(const dli_ctc_sample *s, int64_t i) { return i % 2 ? s->labels[i / 2] : s->blank; }

/* out(i) = log sum of exp before(i), before(i - d), before(i - 2 d) + score of i, for all states; d = 1 forwards, -1 backwards;
   before NULL: the two first states */
static void dli_ctc_advance(const dli_ctc_sample *s, dl_real *out, const dl_real *before, const dl_real *x, int d)
{
    int64_t i, k;
    dl_real none = dli_minus_infinity();
    for (k = 0; k < s->L; k++) {
        i = d > 0 ? k : s->L - 1 - k;
        if (!before) { out[i] = k < 2 ? x[dli_ctc_symbol(s, i)] : none; continue; }
        out[i] = dli_log_add3(before[i], k > 0 ? before[i - d] : none,
                              i % 2 && k > 1 && dli_ctc_symbol(s, i) != dli_ctc_symbol(s, i - 2 * d) ? before[i - 2 * d] : none);
        if (out[i] > none) out[i] += x[dli_ctc_symbol(s, i)];
    }
}
static void dli_ctc_forward_task(void *arg, int64_t n, int worker)
{
    const dli_ctc_job *j = (const dli_ctc_job *)arg;
    dli_ctc_sample s = dli_ctc_get(j->y, j->saved, n);
    dl_real none = dli_minus_infinity(), *a = s.alpha;
    int64_t t;
    (void)worker;
    for (t = 0; t < s.T; t++, a += s.states) dli_ctc_advance(&s, a, t ? a - s.states : NULL, s.x + t * s.step, 1);
    a -= s.states;
    j->saved->loss[n] = s.T ? -dli_log_add3(a[s.L - 1], s.S ? a[s.L - 2] : none, none) : s.S ? -none : 0;
}
static void dli_ctc_backward_task(void *arg, int64_t n, int worker)
{
    const dli_ctc_job *j = (const dli_ctc_job *)arg;
    const dl_tensor *y = j->y;
    const dli_ctc_args *o = (const dli_ctc_args *)y->opts;
    dli_ctc_sample s = dli_ctc_get(y, j->saved, n);
    dl_real none = dli_minus_infinity(), loss = j->saved->loss[n], g = y->grad[o->reduction == DL_NONE ? n : 0];
    dl_real *b = j->beta + worker * 2 * s.states, *before = NULL, *swap = b + s.states;
    int64_t t, i;
    if (loss == -none) return;
    if (o->reduction == DL_MEAN) g /= (dl_real)dli_max64(s.S, 1) * (dl_real)y->src[3]->size;
    for (t = s.T - 1; t >= 0; t--) {
        const dl_real *x = s.x + t * s.step, *a = s.alpha + t * s.states;
        dl_real *dx = j->dx + (x - y->src[0]->data);
        dli_ctc_advance(&s, b, before, x, -1);
        for (i = 0; i < s.L; i++)
            if (a[i] > none && b[i] > none) {
                int32_t k = dli_ctc_symbol(&s, i);
                dx[k] -= g * dli_exp_portable(a[i] + b[i] - x[k] + loss);
            }
        before = b;
        b = swap;
        swap = before;
    }
}
static int dli_ctc_shape(dl_ctx *c, dl_tensor *y)
{
    const char *who = "ctc_loss";
    const dli_ctc_args *o = (const dli_ctc_args *)y->opts;
    const dl_tensor *x = y->src[0], *targets = y->src[1], *in = y->src[2], *out = y->src[3];
    int64_t T, N, C, n, i, sum = 0;
    int padded;
    dli_ctc_saved *s;
    if (!dli_check(c, who, "log_probs", x, DL_REAL) || !dli_check(c, who, "targets", targets, DL_INT32) ||
        !dli_check(c, who, "input_lengths", in, DL_INT32) || !dli_check(c, who, "target_lengths", out, DL_INT32)) return 0;
    if (x->ndim < 2 || x->ndim > 3) { dl_fail(c, "%s: log_probs %t, expected (T, N, C) or (T, C)", who, x); return 0; }
    T = x->shape[0];
    N = x->ndim == 3 ? x->shape[1] : 1;
    C = x->shape[x->ndim - 1];
    padded = targets->ndim == 2 && targets->shape[0] == N;
    if (in->size != N || out->size != N || !(padded || targets->ndim == 1)) {
        dl_fail(c, "%s: log_probs %t, targets %t, lengths %t and %t, expected (T, N, C), (N, S) or (sum), (N), (N)", who, x, targets, in, out);
        return 0;
    }
    if (o->blank < 0 || o->blank >= C) { dl_fail(c, "%s: blank is %d, expected 0 to %l", who, o->blank, C - 1); return 0; }
    s = (dli_ctc_saved *)dl_alloc(c, sizeof *s + (size_t)N * sizeof *s->start);
    if (!s) return 0;
    y->saved = s;
    s->start = (int64_t *)(void *)(s + 1);
    for (n = 0; n < N; n++) {
        s->start[n] = padded ? n * targets->shape[1] : sum;
        if (in->idata[n] < 0 || in->idata[n] > T) {
            dl_fail(c, "%s: input length %d of sample %l, expected 0 to %l", who, (int)in->idata[n], n, T);
            return 0;
        }
        if (out->idata[n] < 0 || out->idata[n] > (padded ? targets->shape[1] : targets->size - sum)) {
            dl_fail(c, "%s: target length %d of sample %l with targets %t", who, (int)out->idata[n], n, targets);
            return 0;
        }
        sum += out->idata[n];
        for (i = s->start[n]; i < s->start[n] + out->idata[n]; i++)
            if (targets->idata[i] < 0 || targets->idata[i] >= C || targets->idata[i] == o->blank) {
                dl_fail(c, "%s: label %d of sample %l, expected 0 to %l and not the blank, %d", who, (int)targets->idata[i], n, C - 1, o->blank);
                return 0;
            }
    }
    return dl_set_shape(c, y, o->reduction == DL_NONE ? x->ndim - 2 : 0, x->shape + 1);
}
static void dli_ctc_run(dl_ctx *c, dl_tensor *y, dli_task *task, dli_ctc_job *j)
{
    const dl_tensor *lengths = y->src[3];
    j->c = c; j->y = y; j->saved = (const dli_ctc_saved *)y->saved;
    dli_parallel_if(c, y->src[0]->size >= DLI_PAR_WORK / 16, lengths->size, task, j);
}
static void dli_ctc_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_ctc_args *o = (const dli_ctc_args *)y->opts;
    const dl_tensor *lengths = y->src[3];
    dli_ctc_saved *s = (dli_ctc_saved *)y->saved;
    int64_t N = lengths->size, states = dli_ctc_get(y, s, 0).states, n, shape[3];
    dl_real infinity = -dli_minus_infinity(), total = 0, l;
    dli_ctc_job j;
    memset(&j, 0, sizeof j);
    shape[0] = N; shape[1] = y->src[0]->shape[0]; shape[2] = states;
    if (!dli_size(c, "ctc_loss", 3, shape, sizeof(dl_real), &n)) return;
    s->alpha = (dl_real *)dl_alloc(c, (size_t)n * sizeof(dl_real));
    s->loss = (dl_real *)dl_alloc(c, (size_t)N * sizeof(dl_real));
    if (!s->alpha || !s->loss) return;
    dli_ctc_run(c, y, dli_ctc_forward_task, &j);
    for (n = 0; n < N; n++) {
        l = o->zero_infinity && s->loss[n] == infinity ? 0 : s->loss[n];
        if (o->reduction == DL_NONE) y->data[n] = l;
        else total += o->reduction == DL_SUM ? l : l / (dl_real)dli_max64(lengths->idata[n], 1);
    }
    if (o->reduction != DL_NONE) y->data[0] = o->reduction == DL_SUM ? total : total / (dl_real)N;
}
static void dli_ctc_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    dli_ctc_job j;
    dli_mark m;
    int add;
    memset(&j, 0, sizeof j);
    j.dx = dl_grad_of(c, x, &add);
    if (!j.dx) return;
    if (!add) memset(j.dx, 0, (size_t)x->size * sizeof *j.dx);
    m = dli_arena_mark(&c->step);
    j.beta = (dl_real *)dl_alloc(c, (size_t)c->threads * 2 * (size_t)dli_ctc_get(y, (const dli_ctc_saved *)y->saved, 0).states * sizeof *j.beta);
    if (j.beta) dli_ctc_run(c, y, dli_ctc_backward_task, &j);
    dli_arena_release(&c->step, m);
}
static const dl_op dli_ctc_loss_op = { "ctc_loss", dli_ctc_shape, dli_ctc_forward, dli_ctc_backward };
DL_DEF dl_tensor *dl_ctc_loss_with(dl_ctx *c, dl_tensor *log_probs, dl_tensor *targets, dl_tensor *input_lengths, dl_tensor *target_lengths,
                                   dl_ctc_loss_opts opts)
{
    dl_tensor *s[4];
    dli_ctc_args o;
    s[0] = log_probs; s[1] = targets; s[2] = input_lengths; s[3] = target_lengths;
    o.blank = opts.blank; o.zero_infinity = opts.zero_infinity; o.reduction = opts.reduction;
    if (!dli_check_reduction(c, "ctc_loss", o.reduction)) return DLI_NIL;
    return dl_apply(c, &dli_ctc_loss_op, 4, s, &o, sizeof o);
}

/* --- information theory ---------------------------------------------------------------------------------- */
static dl_tensor *dli_information(dl_ctx *c, dl_tensor *nats, int bits)
{
    return bits ? dl_div_scalar(c, nats, DLI_C(0.69314718055994531)) : nats;
}
static int dli_check_distribution(dl_ctx *c, const char *who, const dl_tensor *p)
{
    int64_t i;
    if (!dli_check(c, who, "a distribution", p, DL_REAL)) return 0;
    for (i = 0; i < p->size; i++)
        if (p->data[i] < 0) { dl_fail(c, "%s: probability %g at index %l is negative", who, (double)p->data[i], i); return 0; }
    return 1;
}
/* sum of s p log q over an axis */
static dl_tensor *dli_sum_p_log_q(dl_ctx *c, const char *who, dl_tensor *p, dl_tensor *q, int dim, dl_real s, int bits)
{
    int axis = dli_axis(c, who, p, dim, p->ndim);
    if (axis < 0) return DLI_NIL;
    return dl_mul_scalar(c, dli_information(c, dli_sum_over(c, dli_xlogy(c, p, q), DL_DIM(axis)), bits), s);
}
DL_DEF dl_tensor *dl_surprisal_with(dl_ctx *c, dl_tensor *p, dl_surprisal_opts o)
{
    if (!dli_check_distribution(c, "surprisal", p)) return DLI_NIL;
    return dli_information(c, dl_neg(c, dl_log(c, p)), o.bits);
}
DL_DEF dl_tensor *dl_entropy_with(dl_ctx *c, dl_tensor *p, int dim, dl_entropy_opts o)
{
    if (!dli_check_distribution(c, "entropy", p)) return DLI_NIL;
    return dli_sum_p_log_q(c, "entropy", p, p, dim, -1, o.bits);
}
DL_DEF dl_tensor *dl_cross_entropy_probs_with(dl_ctx *c, dl_tensor *p, dl_tensor *q, int dim, dl_cross_entropy_probs_opts o)
{
    const char *who = "cross_entropy_probs";
    if (!dli_check_distribution(c, who, p) || !dli_check_distribution(c, who, q) || !dli_check_loss(c, who, p, q, DL_NONE)) return DLI_NIL;
    if (!dli_check_option(c, who, "eps, which must not be negative,", o.eps, o.eps >= 0)) return DLI_NIL;
    return dli_sum_p_log_q(c, who, p, o.eps > 0 ? dl_add_scalar(c, q, o.eps) : q, dim, -1, o.bits);
}
DL_DEF dl_tensor *dl_kl_divergence_with(dl_ctx *c, dl_tensor *p, dl_tensor *q, int dim, dl_kl_divergence_opts o)
{
    const char *who = "kl_divergence";
    if (!dli_check_distribution(c, who, p) || !dli_check_distribution(c, who, q) || !dli_check_loss(c, who, p, q, DL_NONE)) return DLI_NIL;
    return dl_sub(c, dli_sum_p_log_q(c, who, p, p, dim, 1, o.bits), dli_sum_p_log_q(c, who, p, q, dim, 1, o.bits));
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
static const dl_module dli_nn_nil = { &dli_nn_nil_type, "", NULL, 0, NULL, 0, NULL, 0, NULL };

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

DL_DEF void dl_nn_freeze(dl_module *root, int on)
{
    dl_module *m;
    dl_param *p;
    int i;
    DLI_EACH_PARAM(root, m, i, p)
        if (!p->is_buffer) {
            p->tensor->requires_grad = !on;
            dl_zero_grad(p->tensor);
        }
}

/* --- forward -------------------------------------------------------------------------------------- */

/* What dl_summary wants to know of one call of dl_forward. */
typedef struct dli_row { struct dli_row *next; const dl_module *module; const dl_tensor *y; int depth; int64_t macs; } dli_row;

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
    int64_t before = c->macs;
    if (!row) return DLI_NIL;
    row->next = NULL;
    row->module = m;
    row->depth = c->depth;
    *c->watch = row;
    c->watch = &row->next;
    row->y = dli_forward(c, m, x);
    row->macs = c->macs - before;
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

/* The activation that m applies, if other modules can do it in their own pass; else DL_LINEAR. */
static dl_activation dli_activation_of(const dl_module *m)
{
    dl_nn_fn f = m->type->forward == dli_nn_function_forward ? ((const dli_nn_function *)m)->f : NULL;
    return f == dl_relu ? DL_RELU : f == dl_sigmoid ? DL_SIGMOID : f == dl_tanh ? DL_TANH : DL_LINEAR;
}

/* For the weight and bias of run[0], which is applied to x: if run[1] is a batch norm that can be done by other weights and
   biases, puts those into *w and *b and returns 1.  See >>norm. */
static int dli_fold_norm(dl_ctx *c, dl_module *const *run, int n, const dl_tensor *x, dl_tensor **w, dl_tensor **b);

/* --- linear: y = x W^T + b ------------------------------------------------------------------------- */
typedef struct { dl_module base; dl_tensor *weight, *bias; } dli_nn_linear;

static dl_tensor *dli_nn_linear_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    dl_linear_opts o = { DL_LINEAR, 0 };
    return dl_linear_with(c, x, ((dli_nn_linear *)self)->weight, ((dli_nn_linear *)self)->bias, o);
}
static int dli_nn_linear_fuse(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x)
{
    const dli_nn_linear *m = (const dli_nn_linear *)run[0];
    dl_tensor *w = m->weight, *b = m->bias;
    dl_linear_opts o;
    int used = 1;
    if (!dl_is_nil(*x) && (*x)->ndim == 2) used += dli_fold_norm(c, run, n, *x, &w, &b);
    o.activation = used < n ? dli_activation_of(run[used]) : DL_LINEAR;
    o.end_ = 0;
    used += o.activation != DL_LINEAR;
    if (used == 1) return 0;
    *x = dl_linear_with(c, *x, w, b, o);
    return used;
}
static const dl_module_type dli_nn_linear_type = { "linear", sizeof(dli_nn_linear), dli_nn_linear_forward };

DL_DEF dl_module *dl_nn_linear_with(dl_ctx *c, int64_t in, int64_t out, dl_nn_linear_opts o)
{
    dli_nn_linear *m = (dli_nn_linear *)dl_module_create(c, &dli_nn_linear_type);
    dl_real bound = (dl_real)(1 / dli_sqrt64(in > 0 ? (double)in : 1));
    int64_t shape[2];
    shape[0] = out; shape[1] = in;
    if (!c || c->failed) return &m->base;
    m->base.fuse = dli_nn_linear_fuse;
    m->weight = dli_module_tensor(c, &m->base, "weight", 2, shape, 0);
    dl_init_uniform(c, m->weight, -bound, bound);
    if (!o.no_bias) {
        m->bias = dli_module_tensor(c, &m->base, "bias", 1, shape, 0);
        dl_init_uniform(c, m->bias, -bound, bound);
    }
    return c && !c->failed ? &m->base : dli_nil_module(c);
}

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

static dl_tensor *dli_nn_sequential_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    int i, ran;
    for (i = 0; i < self->nchildren; i += ran) {
        dl_module **m = self->children + i;
        ran = 0;
        if ((*m)->fuse && !c->failed && !c->watch) ran = (*m)->fuse(c, m, self->nchildren - i, &x);   /* dl_summary shows each */
        if (ran < 1) {
            x = dl_forward(c, *m, x);
            ran = 1;
        }
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
   >>conv        convolution in 1, 2 and 3 dimensions: one engine for forward, data gradient and transposed convolution,
                 one for the weight gradient

   A convolution is a product of matrices, the weights (channels out, channels in x taps) times the columns, which are the
   pixels that each result sees.  The column matrix is never stored.  For a block of results the pixels that they see are
   staged: copied once into a small image with its zero padding, in which every row is sorted by column modulo the stride.
   There each row of the column matrix is the same list of contiguous pieces, shifted by an offset that depends on channel and
   tap.  So packing a panel for the GEMM kernel is a few wide copies a row, whatever the stride, dilation or padding.

   As in >>gemm, the sequence of operations behind each number depends on shapes alone: a chain of fused multiply-adds in
   blocks of 256 over (channel, tap), or over (image, pixel) within blocks of pixels for the weight gradient.
   ================================================================================================ */

/* What all passes of an operation share.  `big` is the image that the taps walk over, `small` has a number for every position
   of the kernel: a convolution makes small from big, a transposed convolution big from small.
   Weights: (small channels, big channels / groups, kernel). */
typedef struct {
    int64_t N, groups, big_channels, small_channels;
    int64_t big[3], small[3], kernel[3], stride[3], dilation[3], before[3];
} dli_conv;

/* What happens to each result: y = activation(sum + bias[channel] + residual), or y += if add. */
typedef struct { const dl_real *bias, *residual; dl_activation activation; int add; } dli_conv_end;

/* One axis of a pass: result o sees pixels o step + t tap + first, t < taps, and stands at o out_step + out_first of the
   out numbers along y's axis. */
typedef struct { int64_t in, step, taps, tap, first, count, out, out_step, out_first; } dli_conv_axis;

/* y[n][m][o] = sum over c < C and taps t of w[m][c][t] x[n][c][o, t], for m < M, in each group. */
typedef struct {
    int64_t        N, groups, M, C;
    dli_conv_axis  axis[3];
    const dl_real *x, *w;
    dl_real       *y;
    dli_conv_end   end;
} dli_conv_pass;

/* --- blocks of results: whole images, or a range of one axis with all of the axes behind it ------------------------- */
typedef struct { int axis; int64_t per, blocks, total; } dli_conv_split;      /* axis -1: images; per block, blocks along it */
typedef struct { int64_t n, images, at[3], size[3], columns; } dli_conv_block;

static int64_t dli_conv_inner(const dli_conv_pass *s, int axis)              /* results for each step along the axis */
{
    int64_t n = 1;
    int a;
    for (a = axis + 1; a < 3; a++) n *= s->axis[a].count;
    return n;
}

/* Blocks of at most `columns` results, as equal as possible. */
static dli_conv_split dli_conv_divide(const dli_conv_pass *s, int64_t columns)
{
    dli_conv_split p;
    int64_t n, count;
    int a;
    for (p.axis = -1; p.axis < 2 && dli_conv_inner(s, p.axis) > columns; p.axis++) {}
    count = p.axis < 0 ? s->N : s->axis[p.axis].count;
    n = dli_max64(columns / dli_conv_inner(s, p.axis), 1);
    p.blocks = (count + n - 1) / n;
    p.per = (count + p.blocks - 1) / p.blocks;
    p.blocks = (count + p.per - 1) / p.per;
    p.total = p.blocks * (p.axis < 0 ? 1 : s->N);
    for (a = 0; a < p.axis; a++) p.total *= s->axis[a].count;
    return p;
}

static dli_conv_block dli_conv_block_at(const dli_conv_pass *s, const dli_conv_split *p, int64_t i)
{
    dli_conv_block b;
    int64_t at = i % p->blocks * p->per;
    int a;
    i /= p->blocks;
    b.n = 0;
    b.images = 1;
    for (a = 0; a < 3; a++) { b.at[a] = 0; b.size[a] = s->axis[a].count; }
    for (a = p->axis - 1; a >= 0; a--) {
        b.at[a] = i % s->axis[a].count;
        b.size[a] = 1;
        i /= s->axis[a].count;
    }
    if (p->axis < 0) { b.n = at; b.images = dli_min64(p->per, s->N - at); }
    else {
        b.n = i;
        b.at[p->axis] = at;
        b.size[p->axis] = dli_min64(p->per, s->axis[p->axis].count - at);
    }
    b.columns = b.images * b.size[0] * b.size[1] * b.size[2];
    return b;
}

/* --- staging ----------------------------------------------------------------------------------------------------------
   The staged image of a block: extent[a] pixels along each axis from pixel `first`, rows sorted by column modulo the step. */
typedef struct {
    int64_t first[3], extent[3], row, plane, channel, image;     /* row, plane, .. : numbers from one to the next */
} dli_conv_stage;

static int64_t dli_conv_lowest(const dli_conv_axis *a) { return a->tap < 0 ? (a->taps - 1) * a->tap : 0; }

static dli_conv_stage dli_conv_staging(const dli_conv_pass *s, const dli_conv_block *b, int64_t channels)
{
    dli_conv_stage g;
    int a;
    for (a = 0; a < 3; a++) {
        const dli_conv_axis *x = &s->axis[a];
        const int64_t reach = (x->taps - 1) * (x->tap < 0 ? -x->tap : x->tap);
        g.first[a] = b->at[a] * x->step + x->first + dli_conv_lowest(x);
        g.extent[a] = (b->size[a] - 1) * x->step + reach + 1;
    }
    g.row = (g.extent[2] + s->axis[2].step - 1) / s->axis[2].step * s->axis[2].step;
    g.plane = g.row * g.extent[1];
    g.channel = g.plane * g.extent[0];
    g.image = g.channel * channels;
    return g;
}

/* One row: width pixels from column `first` of x, a row of n numbers or NULL for padding. */
static void dli_conv_stage_row(dl_real *out, const dl_real *x, int64_t n, int64_t first, int64_t width, int64_t step)
{
    const int64_t each = width / step;
    int64_t p, i;
    if (!x) { memset(out, 0, (size_t)width * sizeof *out); return; }
    for (p = 0; p < step; p++, out += each) {                        /* out[i] = x[first + p + i step] */
        const int64_t start = first + p, low = start >= 0 ? 0 : dli_min64((step - 1 - start) / step, each);
        const int64_t high = start >= n ? low : dli_max64(low, dli_min64((n - start + step - 1) / step, each));
        for (i = 0; i < low; i++) out[i] = 0;
        if (step == 1) memcpy(out + low, x + start + low, (size_t)(high - low) * sizeof *out);
        else for (i = low; i < high; i++) out[i] = x[start + i * step];
        for (i = high; i < each; i++) out[i] = 0;
    }
}

/* Channels [c, c + channels) of a group of the block's images. */
static void dli_conv_stage_block(const dli_conv_pass *s, const dli_conv_block *b, const dli_conv_stage *g, int64_t group, int64_t c,
                                 int64_t channels, dl_real *out)
{
    const dli_conv_axis *a = s->axis;
    int64_t n, i, d, h;
    for (n = 0; n < b->images; n++)
        for (i = 0; i < channels; i++) {
            const dl_real *x = s->x + ((b->n + n) * s->groups * s->C + group * s->C + c + i) * a[0].in * a[1].in * a[2].in;
            for (d = g->first[0]; d < g->first[0] + g->extent[0]; d++)
                for (h = g->first[1]; h < g->first[1] + g->extent[1]; h++, out += g->row)
                    dli_conv_stage_row(out, d < 0 || d >= a[0].in || h < 0 || h >= a[1].in ? NULL : x + (d * a[1].in + h) * a[2].in,
                                       a[2].in, g->first[2], g->row, a[2].step);
        }
}

/* Where rows [p, p + n) of the column matrix begin in a staged image whose first channel is c. */
static void dli_conv_offsets(const dli_conv_pass *s, const dli_conv_stage *g, int64_t c, int64_t p, int64_t n, int64_t *offset)
{
    const dli_conv_axis *a = s->axis;
    const int64_t taps = a[0].taps * a[1].taps * a[2].taps, each = g->row / a[2].step;
    int64_t channel = p / taps, t = p % taps, i;
    for (i = 0; i < n; i++) {
        const int64_t td = t / (a[1].taps * a[2].taps), th = t / a[2].taps % a[1].taps, tw = t % a[2].taps;
        const int64_t w = tw * a[2].tap - dli_conv_lowest(&a[2]);
        offset[i] = (channel - c) * g->channel + (td * a[0].tap - dli_conv_lowest(&a[0])) * g->plane +
                    (th * a[1].tap - dli_conv_lowest(&a[1])) * g->row + w % a[2].step * each + w / a[2].step;
        if (++t == taps) { t = 0; channel++; }
    }
}

/* The block's columns as pieces of at most 16 that do not cross a multiple of `panel`; start[i]: the first piece of panel i.
   `to` counts within the panel.  Returns how many pieces there are. */
static int64_t dli_conv_pieces(const dli_conv_pass *s, const dli_conv_block *b, const dli_conv_stage *g, int64_t panel, dli_piece *out,
                               int64_t *start)
{
    int64_t n, d, h, w, j = 0, pieces = 0, len;
    for (n = 0; n < b->images; n++)
        for (d = 0; d < b->size[0]; d++)
            for (h = 0; h < b->size[1]; h++) {
                const int64_t from = n * g->image + d * s->axis[0].step * g->plane + h * s->axis[1].step * g->row;
                for (w = 0; w < b->size[2]; w += len, j += len, pieces++) {
                    len = dli_min64(dli_min64(b->size[2] - w, 16), panel - j % panel);
                    if (j % panel == 0) start[j / panel] = pieces;
                    out[pieces].from = from + w;
                    out[pieces].to = j % panel;
                    out[pieces].n = len;
                }
            }
    start[(j + panel - 1) / panel] = pieces;
    return pieces;
}

/* --- forward and data passes ----------------------------------------------------------------------------------------- */
typedef struct {
    const dl_ctx        *c;
    const dli_conv_pass *pass;
    dli_conv_split       split;
    int64_t  taps, K, kc, mc, ld;                       /* K = C taps in blocks of kc, rows in blocks of mc; ld: of the sums   */
    int64_t  tg, tm, tn;                                /* parts of the groups, the rows, the blocks: one thread each          */
    int      pack_a;
    int64_t  staged_size, panels_size, sums_size, a_size, columns;
    char    *scratch;
    size_t   scratch_size;                              /* of each worker, bytes                                               */
} dli_conv_plan;

/* The sums of a block, ld apart, to their places in y. */
static void dli_conv_put(const dli_conv_plan *p, const dli_conv_block *b, int64_t first, int64_t rows, dl_real *sums)
{
    const dli_conv_pass *s = p->pass;
    const dli_conv_axis *a = s->axis;
    const int64_t channels = s->groups * s->M, out = a[0].out * a[1].out * a[2].out, inner = b->columns / b->images;
    int64_t n, m, d, h, w;
    int plain = 1, i;
    for (i = 0; i < 3; i++) plain = plain && a[i].out_step == 1 && a[i].count == a[i].out;
    for (n = 0; n < b->images; n++)
        for (m = 0; m < rows; m++) {
            const dl_real bias = s->end.bias ? s->end.bias[first + m] : 0;
            const int64_t image = ((b->n + n) * channels + first + m) * out;
            const int64_t at = image + (b->at[0] * a[1].out + b->at[1]) * a[2].out + b->at[2];
            dl_real *x = sums + m * p->ld + n * inner;
            if (plain) {
                p->c->k->conv_finish(s->y + at, x, inner, bias, s->end.residual ? s->end.residual + at : NULL, s->end.activation, s->end.add);
                continue;
            }
            p->c->k->conv_finish(x, x, inner, bias, NULL, s->end.activation, 0);
            for (d = 0; d < b->size[0]; d++)
                for (h = 0; h < b->size[1]; h++, x += b->size[2]) {
                    dl_real *y = s->y + image + (((b->at[0] + d) * a[0].out_step + a[0].out_first) * a[1].out +
                                 (b->at[1] + h) * a[1].out_step + a[1].out_first) * a[2].out + b->at[2] * a[2].out_step + a[2].out_first;
                    if (s->end.add) for (w = 0; w < b->size[2]; w++) y[w * a[2].out_step] += x[w];
                    else            for (w = 0; w < b->size[2]; w++) y[w * a[2].out_step] = x[w];
                }
        }
}

static void dli_conv_task(void *arg, int64_t part, int worker)
{
    const dli_conv_plan *p = (const dli_conv_plan *)arg;
    const dli_conv_pass *s = p->pass;
    const dli_kernels *k = p->c->k;
    const int64_t nr = k->nr, n = part % p->tn, m = part / p->tn % p->tm, g = part / p->tn / p->tm;
    const int64_t m0 = s->M * m / p->tm, rows = s->M * (m + 1) / p->tm - m0;
    dl_real *staged = (dl_real *)(void *)(p->scratch + (size_t)worker * p->scratch_size), *panels = staged + p->staged_size;
    dl_real *sums = panels + p->panels_size, *tiles = sums + p->sums_size;
    int64_t *offset = (int64_t *)(void *)(tiles + p->a_size), *start = offset + p->kc;
    dli_piece *pieces = (dli_piece *)(void *)(start + p->columns / nr + 2);
    int64_t group, i, j, q, u;
    dli_gemm_plan pack;
    pack.kernels = k;
    pack.kc = p->kc;
    for (group = s->groups * g / p->tg; group < s->groups * (g + 1) / p->tg; group++)
        for (i = p->split.total * n / p->tn; i < p->split.total * (n + 1) / p->tn; i++) {
            const dli_conv_block b = dli_conv_block_at(s, &p->split, i);
            const int64_t row = group * s->M + m0;
            for (q = 0; q < p->K || q == 0; q += p->kc) {
                const int64_t kc = dli_min64(p->K - q, p->kc), c = kc ? q / p->taps : 0, panel = (p->kc + 1) * nr;
                const int64_t channels = kc ? (q + kc - 1) / p->taps + 1 - c : 0;
                const dli_conv_stage stage = dli_conv_staging(s, &b, channels);
                if (kc) {
                    dli_conv_stage_block(s, &b, &stage, group, c, channels, staged);
                    dli_conv_offsets(s, &stage, c, q, kc, offset);
                    dli_conv_pieces(s, &b, &stage, nr, pieces, start);
                }
                for (u = 0; u < rows; u += p->mc) {
                    const int64_t mc = dli_min64(rows - u, p->mc);
                    dli_gemm_args a;
                    dli_panel t;
                    memset(&a, 0, sizeof a);
                    a.A = s->w + (row + u) * p->K + q;
                    a.lda = p->K;
                    a.ldb = nr;
                    a.ldc = p->ld;
                    a.alpha = 1;
                    dli_gemm_set(&t, &a);
                    if (p->pack_a) dli_gemm_pack_a(&pack, &a, 0, mc, 0, kc, tiles);
                    for (j = 0; j < b.columns; j += nr) {
                        dl_real *out = panels + (rows > p->mc ? j / nr * panel : 0);
                        if (u == 0 && kc) k->conv_pack(out, staged, offset, kc, pieces + start[j / nr], start[j / nr + 1] - start[j / nr]);
                        t.M = mc;
                        t.N = dli_min64(b.columns - j, nr);
                        t.K = kc;
                        t.beta = q ? 1 : 0;
                        t.a_tile = p->pack_a ? k->mr * p->kc : 0;
                        t.a_row = p->K;
                        t.a_col = 1;
                        t.a = p->pack_a ? tiles : a.A;
                        t.b = out;
                        t.c = sums + u * p->ld + j;
                        k->gemm_panel(&t);
                    }
                }
            }
            dli_conv_put(p, &b, row, rows, sums);
        }
}

/* Numbers that the staged images of `channels` channels of the largest block need; 0: too many. */
static int64_t dli_conv_staged_size(const dli_conv_pass *s, const dli_conv_split *split, int64_t channels)
{
    const dli_conv_block b = dli_conv_block_at(s, split, 0);
    const dli_conv_stage g = dli_conv_staging(s, &b, channels);
    const double size = (double)g.row * (double)g.extent[1] * (double)g.extent[0] * (double)channels * (double)b.images;
    return size < 1e15 ? (g.image * b.images + 31) / 16 * 16 : 0;
}

/* threads = tg tm tn.  Blocks go first, as they share nothing but weights; then rows. */
static void dli_conv_threads(int64_t threads, int64_t groups, int64_t rows, int64_t blocks, int64_t *tg, int64_t *tm, int64_t *tn)
{
    *tg = groups % threads == 0 || groups >= 8 * threads ? threads : 1;
    threads /= *tg;
    *tn = dli_min64(threads, blocks);
    *tm = dli_max64(dli_min64(threads / *tn, rows), 1);
}

static void *dli_conv_scratch(dl_ctx *c, double bytes, int64_t workers)
{
    if (bytes * (double)workers < 1e15) return dl_alloc(c, (size_t)bytes * (size_t)workers);
    dl_fail(c, "convolution: its padding and dilation need too much memory");
    return NULL;
}

/* Whether >>winograd can do the pass, and gains by it; a is then what it wants to know. */
static int dli_conv_as_winograd(const dli_conv_pass *s, dli_winograd_args *a)
{
    const dli_conv_axis *d = &s->axis[0], *h = &s->axis[1], *w = &s->axis[2];
    if (s->groups != 1 || d->in != 1 || d->taps != 1 || d->count != 1 || h->taps != 3 || w->taps != 3 || h->tap != w->tap) return 0;
    if ((h->tap != 1 && h->tap != -1) || h->step != 1 || w->step != 1 || h->out_step != 1 || w->out_step != 1) return 0;
    a->flip = h->tap < 0;
    a->pad_h = (a->flip ? 2 : 0) - h->first;
    a->pad_w = (a->flip ? 2 : 0) - w->first;
    if (a->pad_h < 0 || a->pad_w < 0) return 0;
    a->x = s->x; a->w = s->w; a->y = s->y;
    a->bias = s->end.bias; a->residual = s->end.residual;
    a->activation = s->end.activation; a->add = s->end.add;
    a->N = s->N; a->C = s->C; a->K = s->M;
    a->H = h->in; a->W = w->in;
    a->OH = h->count; a->OW = w->count;
    return dli_winograd_pays(a);
}

static int dli_conv_run(dl_ctx *c, const dli_conv_pass *s)
{
    dli_winograd_args winograd;
    dli_conv_plan p;
    const dli_mark mark = dli_arena_mark(&c->step);
    const int64_t nr = c->k->nr;
    int64_t channels, threads;
    double results = (double)s->N * (double)s->groups * (double)dli_conv_inner(s, -1);
    if (c->precision != DL_HIGHEST && dli_conv_as_winograd(s, &winograd)) return dli_winograd(c, &winograd);
    p.c = c;
    p.pass = s;
    p.taps = s->axis[0].taps * s->axis[1].taps * s->axis[2].taps;
    p.K = s->C * p.taps;
    p.kc = dli_min64(dli_max64((p.K + 15) / 16 * 16, 16), 2 * DLI_KC);
    p.mc = 512;
    threads = results * (double)s->M * (double)(p.K + 1) < 500e3 ? 1 : c->threads;
    p.split = dli_conv_divide(s, 1024);
    dli_conv_threads(threads, s->groups, s->M, p.split.total, &p.tg, &p.tm, &p.tn);
    p.pack_a = p.K % 1024 == 0;
    channels = p.taps ? dli_min64(s->C, (p.kc - 1) / p.taps + 2) : 0;
    p.columns = dli_conv_block_at(s, &p.split, 0).columns;
    p.ld = (p.columns + nr - 1) / nr * nr + 16;
    p.staged_size = channels ? dli_conv_staged_size(s, &p.split, channels) : 16;
    p.panels_size = (p.kc + 1) * nr * ((s->M + p.tm - 1) / p.tm > p.mc ? (p.columns + nr - 1) / nr : 1) + 16;
    p.sums_size = (s->M + p.tm - 1) / p.tm * p.ld;
    p.a_size = p.pack_a ? (p.mc + c->k->mr) * p.kc : 0;
    p.scratch_size = sizeof(dl_real) * (size_t)(p.panels_size + p.sums_size + p.a_size) +
                     sizeof(int64_t) * (size_t)(p.kc + p.columns / nr + 2) + sizeof(dli_piece) * (size_t)p.columns;
    p.scratch = (char *)dli_conv_scratch(c, !p.staged_size ? 1e16 : (double)p.staged_size * sizeof(dl_real) + (double)p.scratch_size + 64,
                                         p.tg * p.tm * p.tn);
    p.scratch_size = (p.scratch_size + (size_t)p.staged_size * sizeof(dl_real) + 63) & ~(size_t)63;
    if (p.scratch) dli_parallel(c, p.tg * p.tm * p.tn, dli_conv_task, &p);
    dli_arena_release(&c->step, mark);
    return p.scratch != NULL;
}

/* --- small = big * w ---------------------------------------------------------------------------------------------------- */
static void dli_conv_small(dl_ctx *c, const dli_conv *g, const dl_real *big, const dl_real *w, dl_real *small, const dli_conv_end *end)
{
    dli_conv_pass s;
    int a;
    s.N = g->N; s.groups = g->groups;
    s.M = g->small_channels / g->groups; s.C = g->big_channels / g->groups;
    for (a = 0; a < 3; a++) {
        dli_conv_axis *x = &s.axis[a];
        x->in = g->big[a]; x->step = g->stride[a]; x->taps = g->kernel[a]; x->tap = g->dilation[a]; x->first = -g->before[a];
        x->count = x->out = g->small[a]; x->out_step = 1; x->out_first = 0;
    }
    s.x = big; s.w = w; s.y = small;
    s.end = *end;
    dli_conv_run(c, &s);
}

/* --- big = small * w, transposed ----------------------------------------------------------------------------------------
   Position i of big is seen by the taps r with (i + before - r dilation) divisible by the stride.  So the positions fall into
   stride phases, and the results of a phase are a dense convolution of small with every so manyth tap. */
static int64_t dli_gcd(int64_t a, int64_t b) { while (b) { const int64_t r = a % b; a = b; b = r; } return a; }

/* Phase `phase` of an axis; *tap: the first tap, *every: taps from one to the next.  0 if big has no such position. */
static int dli_conv_phase(const dli_conv *g, int axis, int64_t phase, dli_conv_axis *x, int64_t *tap, int64_t *every)
{
    const int64_t step = g->stride[axis], dilation = g->dilation[axis], common = dli_gcd(step, dilation);
    const int64_t at = phase + g->before[axis];
    *every = step / common;
    for (*tap = 0; *tap < *every && (at - *tap * dilation) % step; ++*tap) {}
    x->in = g->small[axis];
    x->step = 1;
    x->taps = *tap < *every && *tap < g->kernel[axis] ? (g->kernel[axis] - 1 - *tap) / *every + 1 : 0;
    x->tap = -(dilation / common);
    x->first = x->taps ? (at - *tap * dilation) / step : 0;
    x->count = (g->big[axis] - phase + step - 1) / step;
    x->out = g->big[axis];
    x->out_step = step;
    x->out_first = phase;
    return phase < g->big[axis];
}

/* out[group][c][k][t] = w[group][k][c][tap t] for all channels c of big */
typedef struct { const dli_conv *g; const dl_real *w; dl_real *out; int64_t taps[3], tap[3], every[3]; } dli_conv_turn;
static void dli_conv_turn_task(void *arg, int64_t i, int worker)
{
    const dli_conv_turn *t = (const dli_conv_turn *)arg;
    const int64_t *kernel = t->g->kernel, C = t->g->big_channels / t->g->groups, K = t->g->small_channels / t->g->groups;
    const int64_t size = kernel[0] * kernel[1] * kernel[2];
    dl_real *out = t->out + i * K * t->taps[0] * t->taps[1] * t->taps[2];
    int64_t k, d, h, w;
    (void)worker;
    for (k = 0; k < K; k++) {
        const dl_real *from = t->w + ((i / C * K + k) * C + i % C) * size;
        for (d = 0; d < t->taps[0]; d++)
            for (h = 0; h < t->taps[1]; h++)
                for (w = 0; w < t->taps[2]; w++)
                    *out++ = from[((t->tap[0] + d * t->every[0]) * kernel[1] + t->tap[1] + h * t->every[1]) * kernel[2] +
                                  t->tap[2] + w * t->every[2]];
    }
}

static void dli_conv_big(dl_ctx *c, const dli_conv *g, const dl_real *small, const dl_real *w, dl_real *big, const dli_conv_end *end)
{
    const dli_mark mark = dli_arena_mark(&c->step);
    dli_conv_pass s;
    dli_conv_turn t;
    int64_t phase[3];
    int a;
    s.N = g->N; s.groups = g->groups;
    s.M = g->big_channels / g->groups; s.C = g->small_channels / g->groups;
    s.x = small; s.y = big;
    s.end = *end;
    t.g = g;
    t.w = w;
    for (phase[0] = 0; phase[0] < g->stride[0]; phase[0]++)
        for (phase[1] = 0; phase[1] < g->stride[1]; phase[1]++)
            for (phase[2] = 0; phase[2] < g->stride[2]; phase[2]++) {
                int there = 1;
                for (a = 0; a < 3; a++) {
                    there &= dli_conv_phase(g, a, phase[a], &s.axis[a], &t.tap[a], &t.every[a]);
                    t.taps[a] = s.axis[a].taps;
                }
                if (!there) continue;
                s.w = t.out = (dl_real *)dl_alloc(c, (size_t)(g->big_channels * s.C * t.taps[0] * t.taps[1] * t.taps[2]) * sizeof *t.out);
                if (!t.out) return;
                if (t.taps[0] * t.taps[1] * t.taps[2]) dli_parallel_if(c, g->big_channels * s.C > 8192, g->big_channels, dli_conv_turn_task, &t);
                dli_conv_run(c, &s);
                dli_arena_release(&c->step, mark);
                if (c->failed) return;
            }
}

/* --- dw (+)= small x big: for each group, the product of small (channels, N pixels) and the columns of big, transposed --- */
typedef struct {
    const dl_ctx        *c;
    const dli_conv_pass *pass;                          /* of small = big * w, with x = big                                    */
    const dl_real       *small;
    dl_real             *dw;
    int                  add;
    dli_conv_split       split;
    int64_t  taps, K, nc, ld, tg, tm, tn, staged_size, a_size, columns;
    char    *scratch;
    size_t   scratch_size;
} dli_conv_weights_plan;

static void dli_conv_weights_task(void *arg, int64_t part, int worker)
{
    const dli_conv_weights_plan *p = (const dli_conv_weights_plan *)arg;
    const dli_conv_pass *s = p->pass;
    const dli_kernels *k = p->c->k;
    const int64_t nr = k->nr, n = part % p->tn, m = part / p->tn % p->tm, g = part / p->tn / p->tm, panels = (p->K + nr - 1) / nr;
    const int64_t m0 = s->M * m / p->tm, rows = s->M * (m + 1) / p->tm - m0, size = dli_conv_inner(s, -1);
    const int64_t k0 = panels * n / p->tn * nr, k1 = dli_min64(panels * (n + 1) / p->tn * nr, p->K);
    dl_real *staged = (dl_real *)(void *)(p->scratch + (size_t)worker * p->scratch_size), *A = staged + p->staged_size, *panel = A + p->a_size;
    int64_t *offset = (int64_t *)(void *)(panel + (p->columns + 16) * nr), *start = offset + p->nc;
    dli_piece *pieces = (dli_piece *)(void *)(start + 2);
    int64_t group, i, j, q, r, l;
    for (group = s->groups * g / p->tg; group < s->groups * (g + 1) / p->tg; group++)
        for (q = k0; q < k1; q += p->nc) {
            const int64_t nc = dli_min64(k1 - q, p->nc), c = q / p->taps, channels = (q + nc - 1) / p->taps + 1 - c;
            for (i = 0; i < p->split.total; i++) {
                const dli_conv_block b = dli_conv_block_at(s, &p->split, i);
                const dli_conv_stage stage = dli_conv_staging(s, &b, channels);
                const int64_t inner = b.columns / b.images;
                const int64_t first = (b.at[0] * s->axis[1].count + b.at[1]) * s->axis[2].count + b.at[2];
                int64_t npieces;
                dli_gemm_args a;
                dli_panel t;
                dli_conv_stage_block(s, &b, &stage, group, c, channels, staged);
                dli_conv_offsets(s, &stage, c, q, nc, offset);
                npieces = dli_conv_pieces(s, &b, &stage, p->columns, pieces, start);
                for (l = 0; l < b.images; l++)
                    for (r = 0; r < rows; r++)
                        memcpy(A + r * p->ld + l * inner, p->small + (((b.n + l) * s->groups + group) * s->M + m0 + r) * size + first,
                               (size_t)inner * sizeof *A);
                memset(&a, 0, sizeof a);
                a.A = A; a.lda = p->ld;
                a.ldb = nr; a.ldc = p->K;
                a.alpha = 1;
                dli_gemm_set(&t, &a);
                for (j = 0; j < nc; j += nr) {
                    const int64_t width = dli_min64(nc - j, nr);
                    k->conv_pack_t(panel, staged, offset + j, width, pieces, npieces);
                    t.M = rows;
                    t.N = width;
                    t.K = b.columns;
                    t.beta = i || p->add ? 1 : 0;
                    t.a = A;
                    t.b = panel;
                    t.c = p->dw + (group * s->M + m0) * p->K + q + j;
                    k->gemm_panel(&t);
                }
            }
        }
}

static void dli_conv_weights(dl_ctx *c, const dli_conv *g, const dl_real *big, const dl_real *small, dl_real *dw, int add)
{
    const dli_mark mark = dli_arena_mark(&c->step);
    const int64_t nr = c->k->nr;
    dli_conv_weights_plan p;
    dli_conv_pass s;
    int64_t panels;
    int a;
    s.N = g->N; s.groups = g->groups;
    s.M = g->small_channels / g->groups; s.C = g->big_channels / g->groups;
    for (a = 0; a < 3; a++) {
        dli_conv_axis *x = &s.axis[a];
        x->in = g->big[a]; x->step = g->stride[a]; x->taps = g->kernel[a]; x->tap = g->dilation[a]; x->first = -g->before[a];
        x->count = x->out = g->small[a]; x->out_step = 1; x->out_first = 0;
    }
    s.x = big; s.w = NULL; s.y = NULL;
    memset(&s.end, 0, sizeof s.end);
    p.c = c; p.pass = &s; p.small = small; p.dw = dw; p.add = add;
    p.taps = g->kernel[0] * g->kernel[1] * g->kernel[2];
    p.K = s.C * p.taps;
    p.nc = 1024;
    p.split = dli_conv_divide(&s, 512);
    panels = (p.K + nr - 1) / nr;
    {
        const double work = (double)s.N * (double)dli_conv_inner(&s, -1) * (double)g->small_channels * (double)p.K;
        dli_conv_threads(work < 500e3 ? 1 : c->threads, s.groups, s.M, panels, &p.tg, &p.tm, &p.tn);
    }
    p.columns = dli_conv_block_at(&s, &p.split, 0).columns;
    p.ld = (p.columns + 15) / 16 * 16 + 16;
    p.a_size = (s.M + p.tm - 1) / p.tm * p.ld;
    p.staged_size = dli_conv_staged_size(&s, &p.split, dli_min64(s.C, (p.nc - 1) / p.taps + 2));
    p.scratch_size = sizeof(dl_real) * (size_t)(p.a_size + (p.columns + 16) * nr) +
                     sizeof(int64_t) * (size_t)(p.nc + 2) + sizeof(dli_piece) * (size_t)p.columns;
    p.scratch = (char *)dli_conv_scratch(c, !p.staged_size ? 1e16 : (double)p.staged_size * sizeof(dl_real) + (double)p.scratch_size + 64,
                                         p.tg * p.tm * p.tn);
    p.scratch_size = (p.scratch_size + (size_t)p.staged_size * sizeof(dl_real) + 63) & ~(size_t)63;
    if (p.scratch) dli_parallel(c, p.tg * p.tm * p.tn, dli_conv_weights_task, &p);
    dli_arena_release(&c->step, mark);
}

/* --- the op --------------------------------------------------------------------------------------------------------------
   y = act(conv(x, w) + b)      dz = g act'(z),  dx = transposed conv(dz, w),  dw = dz x columns of x,  db = sum of dz
   Transposed convolution: the same with big and small exchanged. */
typedef struct { dli_conv g; int transposed; dl_activation activation; int ndim; int64_t shape[5]; } dli_conv_args;

static int dli_conv_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_conv_args *o = (const dli_conv_args *)y->opts;
    const dl_tensor *x = y->src[0], *w = y->src[1];
    if (!dl_set_shape(c, y, o->ndim, o->shape)) return 0;
    y->macs = (o->transposed ? x : y)->size / w->shape[0] * w->size;
    return 1;
}

static void dli_conv_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_conv_args *o = (const dli_conv_args *)y->opts;
    dli_conv_end end;
    end.bias = y->nsrc > 2 ? y->src[2]->data : NULL;
    end.residual = NULL;
    end.activation = o->activation;
    end.add = 0;
    (o->transposed ? dli_conv_big : dli_conv_small)(c, &o->g, y->src[0]->data, y->src[1]->data, y->data, &end);
}

/* dz = g f'(z), from y = f(z): g itself if f is linear, else in step memory; NULL after an error */
static dl_real *dli_activation_back(dl_ctx *c, dl_tensor *y, dl_activation f)
{
    dli_map *df = f == DL_RELU ? c->k->dx_relu : f == DL_SIGMOID ? c->k->dx_sigmoid : c->k->dx_tanh;
    dl_tensor *in[3];
    const dl_real *data[3];
    dl_real *dz;
    if (f == DL_LINEAR) return y->grad;
    dz = (dl_real *)dl_alloc(c, (size_t)y->size * sizeof *dz);
    in[0] = in[1] = in[2] = y;
    data[0] = data[1] = y->data; data[2] = y->grad;
    if (dz) dli_run_map(c, y, df, NULL, dz, 0, 3, in, data);
    return dz;
}

static void dli_conv_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_conv_args *o = (const dli_conv_args *)y->opts;
    dl_tensor *x = y->src[0], *w = y->src[1], *b = y->nsrc > 2 ? y->src[2] : NULL;
    dl_real *dx, *dw, *db, *dz;
    int add_w, add_b;
    dli_conv_end end;
    dli_mark m;
    memset(&end, 0, sizeof end);
    dx = dl_grad_of(c, x, &end.add);
    dw = dl_grad_of(c, w, &add_w);
    db = b ? dl_grad_of(c, b, &add_b) : NULL;
    m = dli_arena_mark(&c->step);
    dz = dli_activation_back(c, y, o->activation);
    if (!dz) return;
    if (dx) (o->transposed ? dli_conv_small : dli_conv_big)(c, &o->g, dz, w->data, dx, &end);
    if (dw) dli_conv_weights(c, &o->g, o->transposed ? dz : x->data, o->transposed ? x->data : dz, dw, add_w);
    if (db) {
        dl_tensor channels = *b;                         /* as (K, 1, ..), so that the sum finds its axis */
        int d;
        channels.ndim = y->ndim > w->ndim - 1 ? y->ndim - 1 : y->ndim;
        for (d = 1; d < channels.ndim; d++) channels.shape[d] = 1;
        dli_sum_to(c, y, dz, &channels, db, add_b);
    }
    dli_arena_release(&c->step, m);
}
#define DLI_CONV_OP(name) static const dl_op dli_##name##_op = { #name, dli_conv_shape, dli_conv_forward, dli_conv_backward };
DLI_CONV_OP(conv1d) DLI_CONV_OP(conv2d) DLI_CONV_OP(conv3d) DLI_CONV_OP(conv_transpose1d) DLI_CONV_OP(conv_transpose2d) DLI_CONV_OP(conv_transpose3d)
#undef DLI_CONV_OP

/* --- options ------------------------------------------------------------------------------------------------------------ */
static int64_t dli_conv_option(int all, const int *each, int axis, int usual)
{
    return dli_or(each[axis], dli_or(all, usual));
}

/* The axes of an operation with n axes from its options: axis a is number 3 - n + a of g; the others have size 1.
   after: padding behind.  0 after an error. */
static int dli_conv_read(dl_ctx *c, const char *who, const dl_conv_opts *o, int n, const int64_t *kernel, dli_conv *g, int64_t *after)
{
    int a, i;
    for (a = 0; a < 3; a++) {
        g->big[a] = g->small[a] = g->kernel[a] = g->stride[a] = g->dilation[a] = 1;
        g->before[a] = after[a] = 0;
    }
    for (i = 0; i < n; i++) {
        a = 3 - n + i;
        g->kernel[a] = kernel[i];
        g->stride[a] = dli_conv_option(o->stride, o->strides, i, 1);
        g->dilation[a] = dli_conv_option(o->dilation, o->dilations, i, 1);
        g->before[a] = dli_conv_option(o->padding, o->paddings, i, 0);
        after[a] = dli_or(o->padding_end[i], (int)g->before[a]);
        if (g->stride[a] < 1 || g->dilation[a] < 1 || g->before[a] < 0 || after[a] < 0) {
            dl_fail(c, "%s: stride %l, padding %l and %l, dilation %l along axis %d, expected at least 1, 0, 0 and 1", who, g->stride[a],
                    g->before[a], after[a], g->dilation[a], i);
            return 0;
        }
        if (kernel[i] < 1 || kernel[i] - 1 > (INT64_MAX / 8) / g->dilation[a]) {
            dl_fail(c, "%s: a kernel of %l with dilation %l along axis %d", who, kernel[i], g->dilation[a], i);
            return 0;
        }
        if (o->same) {
            const int64_t total = g->dilation[a] * (kernel[i] - 1);
            if (g->stride[a] != 1 || g->before[a] || after[a]) {
                dl_fail(c, "%s: same padding needs stride 1 and no other padding, found stride %l, padding %l and %l", who, g->stride[a],
                        g->before[a], after[a]);
                return 0;
            }
            g->before[a] = total / 2;
            after[a] = total - total / 2;
        }
    }
    if ((unsigned)o->padding_mode > DL_PAD_CIRCULAR) { dl_fail(c, "%s: padding mode %d is unknown", who, (int)o->padding_mode); return 0; }
    return 1;
}

/* Numbers along an axis for which a kernel fits; < 1 if it does not. */
static int64_t dli_conv_fit(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t dilation)
{
    const int64_t room = in + before + after - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

DL_DEF int64_t dl_conv_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    const int64_t limit = (int64_t)1 << 60;
    if (in < 1 || kernel < 1 || stride < 1 || padding < 0 || dilation < 1 || in > limit || padding > limit || kernel > limit / dilation) return 0;
    return dli_conv_fit(in, kernel, stride, padding, padding, dilation);
}

DL_DEF int64_t dl_receptive_field(int n, const int64_t *kernels, const int64_t *strides)
{
    int64_t r = 1, step = 1;
    int i;
    for (i = 0; kernels && i < n; i++) {
        r += (kernels[i] - 1) * step;
        if (strides) step *= strides[i];
    }
    return r;
}

/* x padded as the options say, where the padding is not zeros; g then has none. */
static dl_tensor *dli_conv_pad(dl_ctx *c, dl_tensor *x, int n, dl_padding_mode mode, dli_conv *g, int64_t *after)
{
    dl_pads pads;
    int a;
    memset(&pads, 0, sizeof pads);
    for (a = 0; a < n; a++) {
        pads.before[x->ndim - n + a] = g->before[3 - n + a];
        pads.after[x->ndim - n + a] = after[3 - n + a];
        g->before[3 - n + a] = after[3 - n + a] = 0;
    }
    return dl_pad_mode(c, x, pads, mode);
}

/* Everything of dl_conv*d (n axes) and dl_conv_transpose*d up to the op's sources and arguments. */
static dl_tensor *dli_conv_apply(dl_ctx *c, const dl_op *op, int n, int transposed, dl_tensor *x, dl_tensor *w, dl_tensor *b, const dl_conv_opts *o)
{
    const char *who = op->name;
    dl_tensor *s[3];
    dli_conv_args args;
    dli_conv *g = &args.g;
    int64_t after[3], C, K, groups = dli_or(o->groups, 1);
    int i, a, batched;
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check(c, who, "weight", w, DL_REAL)) return DLI_NIL;
    if (b && !dli_check(c, who, "bias", b, DL_REAL)) return DLI_NIL;
    if (w->ndim != n + 2 || (x->ndim != n + 2 && x->ndim != n + 1))
        return dl_fail(c, "%s: %t with weight %t, expected %d or %d axes and a weight of %d", who, x, w, n + 1, n + 2, n + 2);
    if (!dli_conv_read(c, who, o, n, w->shape + 2, g, after)) return DLI_NIL;
    batched = x->ndim == n + 2;
    C = x->shape[batched];
    if (groups < 1 || w->shape[0] % groups || C % groups)
        return dl_fail(c, "%s: %t with weight %t: %l groups do not divide the channels", who, x, w, groups);
    if (transposed ? w->shape[0] != C : w->shape[1] != C / groups)
        return dl_fail(c, "%s: %t with weight %t: %l channels in %l groups, expected %l", who, x, w, C, groups,
                       transposed ? w->shape[0] : w->shape[1] * groups);
    K = transposed ? w->shape[1] * groups : w->shape[0];
    if (b && (b->ndim != 1 || b->shape[0] != K)) return dl_fail(c, "%s: bias %t with weight %t, expected (%l)", who, b, w, K);
    if ((unsigned)o->activation > DL_TANH) return dl_fail(c, "%s: activation %d is unknown", who, (int)o->activation);
    if (transposed && (o->padding_mode != DL_PAD_ZEROS || o->same)) return dl_fail(c, "%s: only zeros, and not 'same', can be its padding", who);
    if (o->padding_mode != DL_PAD_ZEROS) x = dli_conv_pad(c, x, n, o->padding_mode, g, after);
    if (dl_is_nil(x)) return DLI_NIL;
    g->N = batched ? x->shape[0] : 1;
    g->groups = groups;
    g->big_channels = transposed ? K : C;
    g->small_channels = transposed ? C : K;
    args.transposed = transposed;
    args.activation = o->activation;
    args.ndim = x->ndim;
    args.shape[0] = g->N;
    args.shape[batched] = K;
    for (i = 0; i < n; i++) {
        const int64_t extra = dli_conv_option(o->output_padding, o->output_paddings, i, 0), in = x->shape[x->ndim - n + i];
        int64_t out;
        a = 3 - n + i;
        if (extra < 0 || (extra && (!transposed || (extra >= g->stride[a] && extra >= g->dilation[a]))))
            return dl_fail(c, "%s: output_padding %l along axis %d, expected 0%s", who, extra, i, transposed ? " or less than the stride or dilation" : "");
        if (transposed) {
            if (in > INT64_MAX / 8 / g->stride[a]) return dl_fail(c, "%s: %t with stride %l makes a result too large", who, x, g->stride[a]);
            out = (in - 1) * g->stride[a] - g->before[a] - after[a] + g->dilation[a] * (g->kernel[a] - 1) + extra + 1;
            if (out < 1) return dl_fail(c, "%s: %t with weight %t: padding %l and %l along axis %d leaves %l", who, x, w, g->before[a], after[a], i, out);
            g->small[a] = in;
            g->big[a] = out;
        } else {
            out = dli_conv_fit(in, g->kernel[a], g->stride[a], g->before[a], after[a], g->dilation[a]);
            if (out < 1)
                return dl_fail(c, "%s: %t with weight %t: the kernel spans %l along axis %d, the padded input has %l", who, x, w,
                               g->dilation[a] * (g->kernel[a] - 1) + 1, i, in + g->before[a] + after[a]);
            g->big[a] = in;
            g->small[a] = out;
        }
        args.shape[batched + 1 + i] = out;
    }
    s[0] = x; s[1] = w; s[2] = b;
    return dl_apply(c, op, b ? 3 : 2, s, &args, sizeof args);
}
#define DLI_CONV(name, n, transposed)                                                                                 \
    DL_DEF dl_tensor *dl_##name##_with(dl_ctx *c, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o)            \
    { return dli_conv_apply(c, &dli_##name##_op, n, transposed, x, w, b, &o); }
DLI_CONV(conv1d, 1, 0) DLI_CONV(conv2d, 2, 0) DLI_CONV(conv3d, 3, 0)
DLI_CONV(conv_transpose1d, 1, 1) DLI_CONV(conv_transpose2d, 2, 1) DLI_CONV(conv_transpose3d, 3, 1)
#undef DLI_CONV

/* --- padding that repeats the tensor: along each axis y[i] = x[source of i] --------------------------------------------- */
static int64_t dli_pad_source(int64_t i, int64_t n, dl_padding_mode mode)
{
    switch (mode) {
    case DL_PAD_REFLECT:  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    case DL_PAD_CIRCULAR: return i < 0 ? i + n : i >= n ? i - n : i;
    default:              return i < 0 ? 0 : i >= n ? n - 1 : i;
    }
}

DL_DEF dl_tensor *dl_pad_mode(dl_ctx *c, dl_tensor *x, dl_pads pads, dl_padding_mode mode)
{
    dl_pad_opts zeros;
    int d;
    if (!dli_check(c, "pad_mode", "x", x, DL_REAL)) return DLI_NIL;
    memset(&zeros, 0, sizeof zeros);
    if (mode == DL_PAD_ZEROS) return dl_pad_with(c, x, pads, zeros);
    if ((unsigned)mode > DL_PAD_CIRCULAR) return dl_fail(c, "pad_mode: mode %d is unknown", (int)mode);
    for (d = 0; d < DL_MAX_DIMS; d++) {
        const int64_t before = pads.before[d], after = pads.after[d], n = d < x->ndim ? x->shape[d] : 0;
        const int64_t most = mode == DL_PAD_REFLECT ? n - 1 : mode == DL_PAD_CIRCULAR ? n : INT32_MAX / 4;
        int64_t size = n + before + after, i;
        dl_tensor *index;
        if (before < 0 || after < 0 || (before + after && (d >= x->ndim || before > most || after > most)))
            return dl_fail(c, "pad_mode: %l and %l at axis %d of %t, expected at most %l", before, after, d, x, d < x->ndim ? most : (int64_t)0);
        if (before + after == 0) continue;
        index = dli_leaf(c, "pad_mode", DL_INT32, 1, &size, 0);
        for (i = 0; i < index->size; i++) index->idata[i] = (int32_t)dli_pad_source(i - before, n, mode);
        x = dl_index_select(c, x, d, index);
        if (dl_is_nil(x)) return DLI_NIL;
    }
    return x;
}

DL_DEF dl_tensor *dl_pad2d_with(dl_ctx *c, dl_tensor *x, int64_t padding, dl_pad2d_opts o)
{
    dl_pads pads;
    dl_pad_opts value;
    int d;
    if (!dli_check(c, "pad2d", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim < 2) return dl_fail(c, "pad2d: %t, expected (.., H, W)", x);
    memset(&pads, 0, sizeof pads);
    memset(&value, 0, sizeof value);
    value.value = o.value;
    for (d = x->ndim - 2; d < x->ndim; d++) pads.before[d] = pads.after[d] = padding;
    return o.mode == DL_PAD_ZEROS ? dl_pad_with(c, x, pads, value) : dl_pad_mode(c, x, pads, o.mode);
}

/* --- convolution with the kernel flipped -------------------------------------------------------------------------------- */
static dl_tensor *dli_convolve(dl_ctx *c, const dl_op *op, const char *who, int n, dl_tensor *a, dl_tensor *k, int valid)
{
    dl_conv_opts o;
    dl_shape as = {{1, 1}}, ks = {{1, 1}}, ys = {{0}};
    dl_tensor *y;
    int64_t i;
    int d;
    if (!dli_check(c, who, "a", a, DL_REAL) || !dli_check(c, who, "k", k, DL_REAL)) return DLI_NIL;
    if (a->ndim != n || k->ndim != n) return dl_fail(c, "%s: %t with kernel %t, expected %d axes each", who, a, k, n);
    memset(&o, 0, sizeof o);
    for (d = 0; d < n; d++) {
        const int64_t size = k->shape[d];
        dl_tensor *index = dli_leaf(c, who, DL_INT32, 1, &size, 0);
        if (size > INT32_MAX) return dl_fail(c, "%s: kernel %t is too large", who, k);
        for (i = 0; i < index->size; i++) index->idata[i] = (int32_t)(size - 1 - i);
        as.d[2 + d] = a->shape[d];
        ks.d[2 + d] = size;
        if (!valid) o.paddings[d] = (int)(size - 1);
        k = dl_index_select(c, k, d, index);
        if (dl_is_nil(k)) return DLI_NIL;
    }
    y = dli_conv_apply(c, op, n, 0, dl_reshape(c, a, as), dl_reshape(c, k, ks), NULL, &o);
    for (d = 0; d < n && !dl_is_nil(y); d++) ys.d[d] = y->shape[2 + d];
    return dl_is_nil(y) ? y : dl_reshape(c, y, ys);
}
DL_DEF dl_tensor *dl_convolve1d_with(dl_ctx *c, dl_tensor *a, dl_tensor *k, dl_convolve1d_opts o)
{ return dli_convolve(c, &dli_conv1d_op, "convolve1d", 1, a, k, o.valid); }
DL_DEF dl_tensor *dl_convolve2d_with(dl_ctx *c, dl_tensor *a, dl_tensor *k, dl_convolve2d_opts o)
{ return dli_convolve(c, &dli_conv2d_op, "convolve2d", 2, a, k, o.valid); }

/* --- unfold and fold: each is the other's gradient ------------------------------------------------------------------------ */
typedef struct { dli_conv g; int ndim; int64_t shape[4]; } dli_unfold_args;

/* Between an image and its columns: cols = image if to_cols, else image += cols. */
static void dli_unfold_run(const dl_ctx *c, const dli_conv *g, dl_real *image, dl_real *cols, int to_cols, int add)
{
    const int64_t H = g->big[1], W = g->big[2], OH = g->small[1], OW = g->small[2];
    int64_t plane, r, s, i, j;
    if (!to_cols && !add) memset(image, 0, (size_t)(g->N * g->big_channels * H * W) * sizeof *image);
    for (plane = 0; plane < g->N * g->big_channels; plane++)
        for (r = 0; r < g->kernel[1]; r++)
            for (s = 0; s < g->kernel[2]; s++)
                for (i = 0; i < OH; i++, cols += OW) {
                    const int64_t h = i * g->stride[1] - g->before[1] + r * g->dilation[1], w0 = s * g->dilation[2] - g->before[2];
                    dl_real *row = h < 0 || h >= H ? NULL : image + (plane * H + h) * W;
                    for (j = 0; j < OW; j++) {
                        const int64_t w = j * g->stride[2] + w0;
                        const int inside = row && w >= 0 && w < W;
                        if (!to_cols)      { if (inside) row[w] += cols[j]; }
                        else if (add)      { if (inside) cols[j] += row[w]; }
                        else cols[j] = inside ? row[w] : 0;
                    }
                }
    (void)c;
}
static int dli_unfold_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_unfold_args *o = (const dli_unfold_args *)y->opts;
    return dl_set_shape(c, y, o->ndim, o->shape);
}
static void dli_unfold_forward(dl_ctx *c, dl_tensor *y) { dli_unfold_run(c, &((dli_unfold_args *)y->opts)->g, y->src[0]->data, y->data, 1, 0); }
static void dli_fold_forward(dl_ctx *c, dl_tensor *y)   { dli_unfold_run(c, &((dli_unfold_args *)y->opts)->g, y->data, y->src[0]->data, 0, 0); }
static void dli_unfold_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_unfold_run(c, &((dli_unfold_args *)y->opts)->g, dx, y->grad, 0, add);
}
static void dli_fold_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_unfold_run(c, &((dli_unfold_args *)y->opts)->g, y->grad, dx, 1, add);
}
static const dl_op dli_unfold_op = { "unfold", dli_unfold_shape, dli_unfold_forward, dli_unfold_backward };
static const dl_op dli_fold_op   = { "fold", dli_unfold_shape, dli_fold_forward, dli_fold_backward };

/* The windows of an image of size (.., H, W): fills o->g but for N and channels.  0 after an error. */
static int dli_unfold_windows(dl_ctx *c, const char *who, const int64_t *size, int64_t kernel, const dl_conv_opts *opts, dli_unfold_args *o)
{
    int64_t kernels[2], after[3];
    int i, a;
    memset(o, 0, sizeof *o);
    for (i = 0; i < 2; i++) kernels[i] = opts->kernels[i] ? opts->kernels[i] : kernel;
    if (!dli_conv_read(c, who, opts, 2, kernels, &o->g, after)) return 0;
    if (opts->padding_mode != DL_PAD_ZEROS) { dl_fail(c, "%s: only zeros can be its padding", who); return 0; }
    for (i = 0; i < 2; i++) {
        a = 1 + i;
        o->g.big[a] = size[i];
        o->g.small[a] = size[i] < 1 || size[i] > INT64_MAX / 8 ? 0 :
                        dli_conv_fit(size[i], o->g.kernel[a], o->g.stride[a], o->g.before[a], after[a], o->g.dilation[a]);
        if (o->g.small[a] < 1) {
            dl_fail(c, "%s: the kernel spans %l along axis %d, the padded input has %l", who, o->g.dilation[a] * (kernels[i] - 1) + 1, i,
                    size[i] + o->g.before[a] + after[a]);
            return 0;
        }
    }
    return 1;
}

static dl_tensor *dli_unfold(dl_ctx *c, const char *who, dl_tensor *x, int64_t kernel, const dl_conv_opts *opts)
{
    dli_unfold_args o;
    int batched;
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 3 && x->ndim != 4) return dl_fail(c, "%s: %t, expected (N, C, H, W) or (C, H, W)", who, x);
    if (!dli_unfold_windows(c, who, x->shape + x->ndim - 2, kernel, opts, &o)) return DLI_NIL;
    batched = x->ndim == 4;
    o.g.N = batched ? x->shape[0] : 1;
    o.g.big_channels = x->shape[batched];
    o.ndim = x->ndim - 1;
    o.shape[0] = o.g.N;
    if (o.g.kernel[1] > INT64_MAX / 8 / o.g.kernel[2] || o.g.big_channels > INT64_MAX / 8 / (o.g.kernel[1] * o.g.kernel[2]) ||
        o.g.small[1] > INT64_MAX / 8 / o.g.small[2]) return dl_fail(c, "%s: %t has too many windows", who, x);
    o.shape[batched] = o.g.big_channels * o.g.kernel[1] * o.g.kernel[2];
    o.shape[batched + 1] = o.g.small[1] * o.g.small[2];
    return dl_apply(c, &dli_unfold_op, 1, &x, &o, sizeof o);
}

static dl_tensor *dli_fold(dl_ctx *c, const char *who, dl_tensor *x, const int64_t *size, int64_t kernel, const dl_conv_opts *opts)
{
    dli_unfold_args o;
    int64_t taps;
    int batched;
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 2 && x->ndim != 3) return dl_fail(c, "%s: %t, expected (N, C R S, windows) or (C R S, windows)", who, x);
    if (!dli_unfold_windows(c, who, size, kernel, opts, &o)) return DLI_NIL;
    batched = x->ndim == 3;
    taps = o.g.kernel[1] > x->shape[batched] || o.g.kernel[2] > x->shape[batched] ? 0 : o.g.kernel[1] * o.g.kernel[2];
    if (!taps || x->shape[batched] % taps || o.g.small[1] > x->size || o.g.small[2] > x->size ||
        x->shape[batched + 1] != o.g.small[1] * o.g.small[2])
        return dl_fail(c, "%s: %t, expected a multiple of %l x %l rows and %l x %l windows", who, x, o.g.kernel[1], o.g.kernel[2],
                       o.g.small[1], o.g.small[2]);
    o.g.N = batched ? x->shape[0] : 1;
    o.g.big_channels = x->shape[batched] / taps;
    o.ndim = x->ndim + 1;
    o.shape[0] = o.g.N;
    o.shape[batched] = o.g.big_channels;
    o.shape[batched + 1] = size[0];
    o.shape[batched + 2] = size[1];
    return dl_apply(c, &dli_fold_op, 1, &x, &o, sizeof o);
}

DL_DEF dl_tensor *dl_unfold_with(dl_ctx *c, dl_tensor *x, int64_t kernel, dl_conv_opts o) { return dli_unfold(c, "unfold", x, kernel, &o); }
DL_DEF dl_tensor *dl_fold_with(dl_ctx *c, dl_tensor *x, dl_shape size, int64_t kernel, dl_conv_opts o) { return dli_fold(c, "fold", x, size.d, kernel, &o); }

DL_DEF dl_tensor *dl_im2col_with(dl_ctx *c, dl_tensor *x, int64_t kernel, dl_conv_opts o)
{
    dl_shape rows = {{0}};
    x = dli_unfold(c, "im2col", x, kernel, &o);
    if (dl_is_nil(x)) return DLI_NIL;
    rows.d[0] = -1;
    rows.d[1] = x->shape[x->ndim - 2];
    return dl_reshape(c, dl_transpose(c, x, -1, -2), rows);
}

DL_DEF dl_tensor *dl_col2im_with(dl_ctx *c, dl_tensor *x, dl_shape image, int64_t kernel, dl_conv_opts o)
{
    dl_shape s = {{0}};
    const int n = dli_shape_rank(image.d);
    if (!dli_check(c, "col2im", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 2 || n < 3 || n > 4) return dl_fail(c, "col2im: %t to an image of %d axes, expected (windows, C R S) to (N, C, H, W) or (C, H, W)", x, n);
    if (n == 4) {
        if (image.d[0] < 1 || x->shape[0] % image.d[0]) return dl_fail(c, "col2im: the rows of %t are no multiple of %l images", x, image.d[0]);
        s.d[0] = image.d[0];
    }
    s.d[n - 3] = x->shape[0] / (n == 4 ? image.d[0] : 1);
    s.d[n - 2] = x->shape[1];
    x = dli_fold(c, "col2im", dl_transpose(c, dl_reshape(c, x, s), -1, -2), image.d + n - 2, kernel, &o);
    if (!dl_is_nil(x) && x->shape[n - 3] != image.d[n - 3]) return dl_fail(c, "col2im: made %t, expected %l channels", x, image.d[n - 3]);
    return x;
}

/* --- modules -------------------------------------------------------------------------------------------------------------- */
typedef struct { dl_module base; dl_tensor *weight, *bias; dl_conv_opts o; int n, transposed; const dl_op *op; } dli_nn_conv;

static dl_tensor *dli_nn_conv_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_nn_conv *m = (const dli_nn_conv *)self;
    return dli_conv_apply(c, m->op, m->n, m->transposed, x, m->weight, m->bias, &m->o);
}

/* With the batch norm (in evaluation) and the activation behind it, see >>modules. */
static int dli_nn_conv_fuse(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x)
{
    const dli_nn_conv *m = (const dli_nn_conv *)run[0];
    dl_tensor *w = m->weight, *b = m->bias;
    dl_conv_opts o = m->o;
    int used = 1;
    if (o.activation != DL_LINEAR) return 0;
    if (!m->transposed) used += dli_fold_norm(c, run, n, *x, &w, &b);
    o.activation = used < n ? dli_activation_of(run[used]) : DL_LINEAR;
    used += o.activation != DL_LINEAR;
    if (used == 1) return 0;
    *x = dli_conv_apply(c, m->op, m->n, m->transposed, *x, w, b, &o);
    return used;
}

static dl_module *dli_nn_conv_create(dl_ctx *c, const dl_module_type *type, const dl_op *op, int n, int transposed, int64_t in, int64_t out,
                                     int64_t kernel, const dl_conv_opts *o)
{
    dli_nn_conv *m = (dli_nn_conv *)dl_module_create(c, type);
    const int64_t groups = dli_or(o->groups, 1);
    int64_t shape[5], after[3];
    dli_conv g;
    double bound;
    int i;
    if (!c || c->failed) return &m->base;
    m->o = *o;
    m->op = op;
    m->n = n;
    m->transposed = transposed;
    m->base.fuse = dli_nn_conv_fuse;
    if (in < 1 || out < 1 || groups < 1 || in % groups || out % groups)
        { dl_fail(c, "nn_%s: %l groups of %l and %l channels", op->name, groups, in, out); return dli_nil_module(c); }
    shape[0] = transposed ? in : out;
    shape[1] = (transposed ? out : in) / groups;
    for (i = 0; i < n; i++) shape[2 + i] = o->kernels[i] ? o->kernels[i] : kernel;
    if (!dli_conv_read(c, op->name, o, n, shape + 2, &g, after)) return dli_nil_module(c);
    m->weight = dli_module_tensor(c, &m->base, "weight", n + 2, shape, 0);
    if (dl_is_nil(m->weight)) return dli_nil_module(c);
    bound = 1 / dli_sqrt64((double)(m->weight->size / shape[0]));
    dl_init_uniform(c, m->weight, (dl_real)-bound, (dl_real)bound);
    if (!o->no_bias) {
        m->bias = dli_module_tensor(c, &m->base, "bias", 1, &out, 0);
        dl_init_uniform(c, m->bias, (dl_real)-bound, (dl_real)bound);
    }
    return c->failed ? dli_nil_module(c) : &m->base;
}
#define DLI_NN_CONV(name, n, transposed)                                                                              \
    static const dl_module_type dli_nn_##name##_type = { #name, sizeof(dli_nn_conv), dli_nn_conv_forward };            \
    DL_DEF dl_module *dl_nn_##name##_with(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, dl_conv_opts o)          \
    { return dli_nn_conv_create(c, &dli_nn_##name##_type, &dli_##name##_op, n, transposed, in, out, kernel, &o); }
DLI_NN_CONV(conv1d, 1, 0) DLI_NN_CONV(conv2d, 2, 0) DLI_NN_CONV(conv3d, 3, 0)
DLI_NN_CONV(conv_transpose1d, 1, 1) DLI_NN_CONV(conv_transpose2d, 2, 1) DLI_NN_CONV(conv_transpose3d, 3, 1)
#undef DLI_NN_CONV

/* ================================================================================================
   >>pool        max, average and Lp pooling, adaptive and global, unpooling, with their modules

   One mechanism for one, two and three spatial axes: missing axes come first, with size 1.  A plane is the spatial part of
   one sample and channel; threads share the planes.  Windows of up to 256 taps go through the pool kernels, which keep one
   byte for each largest value; adaptive windows, which differ, and larger ones are walked box by box, and keep an int32.
   ================================================================================================ */
typedef struct {
    const dl_op *op;
    int     axes, largest, adaptive, ceil_mode, no_pad_count, divisor;
    int64_t kernel[3], stride[3], padding[3], dilation[3];     /* adaptive: stride is the output size, 0: as the input */
    int64_t in[3], out[3];
    double  p;                                                 /* of Lp pooling, else 0                                */
    dl_tensor **indices, *index;                               /* where the caller wants them; int32 like y, or NULL   */
} dli_pool_args;

/* The elements that make one output: count[a] along axis a, dilation[a] apart, and what an average divides by. */
typedef struct { int64_t first[3], count[3]; double divisor; } dli_box;

static dli_box dli_pool_box(const dli_pool_args *o, int64_t i)
{
    dli_box b;
    double valid = 1, padded = 1;
    int a;
    for (a = 2; a >= 0; i /= o->out[a], a--) {
        int64_t n = o->in[a], at = i % o->out[a], d = o->dilation[a], first, end;
        if (o->adaptive) {
            first = at * n / o->out[a];
            end = ((at + 1) * n + o->out[a] - 1) / o->out[a];
        } else {
            first = at * o->stride[a] - o->padding[a];
            end = first + (o->kernel[a] - 1) * d + 1;
            padded *= (double)(dli_min64(end, n + o->padding[a]) - first);
            if (first < 0) first = first % d ? first % d + d : 0;
        }
        b.first[a] = first;
        b.count[a] = first < n ? (dli_min64(end, n) - first + d - 1) / d : 0;
        if (!b.count[a]) b.first[a] = 0;
        valid *= (double)b.count[a];
    }
    b.divisor = o->divisor ? o->divisor : o->adaptive || o->no_pad_count ? valid : padded;
    if (b.count[2] == o->in[2] && o->dilation[1] == 1) {           /* whole rows, and whole layers, follow each other */
        b.count[2] *= b.count[1];
        b.count[1] = 1;
        if (b.count[2] == o->in[1] * o->in[2] && o->dilation[0] == 1) { b.count[2] *= b.count[0]; b.count[0] = 1; }
    }
    return b;
}

static dl_real dli_infinity(void)
{
    uint64_t bits = (uint64_t)0x7ff0 << 48;
    double v;
    memcpy(&v, &bits, sizeof v);
    return (dl_real)v;
}

static int dli_pool_shape(dl_ctx *c, dl_tensor *y)
{
    dli_pool_args *o = (dli_pool_args *)y->opts;
    const dl_tensor *x = y->src[0];
    const char *who = y->op->name;
    int64_t shape[DL_MAX_DIMS];
    double in = 1, out = 1, links = 1;
    int a;
    if (!dli_check(c, who, "x", x, DL_REAL)) return 0;
    if (x->ndim != o->axes + 1 && x->ndim != o->axes + 2) {
        dl_fail(c, "%s: %t, expected %d or %d axes", who, x, o->axes + 1, o->axes + 2);
        return 0;
    }
    memcpy(shape, x->shape, sizeof shape);
    for (a = 0; a < 3; a++) {
        int64_t k = o->kernel[a], s = o->stride[a], p = o->padding[a], d = o->dilation[a], n, size, window = (k - 1) * d + 1;
        n = o->in[a] = a < 3 - o->axes ? 1 : x->shape[x->ndim - 3 + a];
        if (o->adaptive) {
            size = s ? s : n;
            if (size < 1) { dl_fail(c, "%s: output size %l, expected a positive number", who, size); return 0; }
        } else {
            if (k < 1 || s < 1 || d < 1) {
                dl_fail(c, "%s: kernel %l, stride %l and dilation %l must be positive", who, k, s, d);
                return 0;
            }
            if (p < 0 || p > window / 2) {
                dl_fail(c, "%s: padding %l, expected 0 to half of the window of %l", who, p, window);
                return 0;
            }
            if (window > n + 2 * p) {
                dl_fail(c, "%s: a window of %l is larger than axis %d of %t with padding %l", who, window, x->ndim - 3 + a, x, p);
                return 0;
            }
            size = (n + 2 * p - window + (o->ceil_mode ? s - 1 : 0)) / s + 1;
            if (o->ceil_mode && (size - 1) * s >= n + p) size--;
        }
        o->out[a] = size;
        if (a >= 3 - o->axes) shape[x->ndim - 3 + a] = size;
        in *= (double)n;
        out *= (double)size;
        links *= a < 2 ? (double)size * (double)dli_min64(k, DLI_MAX_TAPS + 1) : 1;
    }
    if (in > INT32_MAX || out > INT32_MAX || links > INT32_MAX) { dl_fail(c, "%s: the planes of %t are too large", who, x); return 0; }
    if (o->divisor < 0) { dl_fail(c, "%s: divisor %d, expected a positive number", who, o->divisor); return 0; }
    return dl_set_shape(c, y, x->ndim, shape);
}

/* --- windows of few taps: rows and links for the kernels ------------------------------------------- */
static int dli_pool_has_taps(const dli_pool_args *o)
{
    int a;
    for (a = 0; a < 3; a++) if (o->adaptive || o->kernel[a] > DLI_MAX_TAPS) return 0;
    return o->kernel[0] * o->kernel[1] * o->kernel[2] <= DLI_MAX_TAPS;
}

/* What the kernel needs to go from rows of y to rows of x or, if back, from rows of x to rows of y. */
static int dli_pool_begin(dl_ctx *c, const dli_pool_args *o, int back, dli_pool *p)
{
    int64_t r, kd, kh, d, h, rows;
    int64_t k, l, block, blocks, at;
    int32_t *start;
    dli_link *link;
    uint32_t *mask;
    int pass;
    p->x_rows = o->in[0] * o->in[1];   p->x_width = o->in[2];
    p->y_rows = o->out[0] * o->out[1]; p->y_width = o->out[2];
    p->pitch = (o->out[2] + 15) & ~(int64_t)15;
    p->kernel = o->kernel[2]; p->stride = o->stride[2]; p->padding = o->padding[2]; p->dilation = o->dilation[2];
    p->divisor = NULL;
    p->nothing = o->largest ? -dli_infinity() : 0;
    for (k = p->stride, l = p->dilation; l > 0; at = k % l, k = l, l = at) {}      /* their greatest common divisor */
    p->step = p->stride / k;
    rows = back ? p->x_rows : p->y_rows;
    p->start = start = (int32_t *)dl_alloc(c, (size_t)(rows + 2) * sizeof *start);
    p->link = link = (dli_link *)dl_alloc(c, (size_t)(p->y_rows * o->kernel[0] * o->kernel[1]) * sizeof *link);
    blocks = back ? ((p->x_width + p->padding - 1) / p->stride - p->padding / p->stride) / 16 + 1 : p->pitch / 16;
    p->mask = mask = (uint32_t *)dl_alloc(c, (size_t)(blocks * p->kernel) * sizeof *mask);
    if (!start || !link || !mask) return 0;
    memset(start, 0, (size_t)(rows + 2) * sizeof *start);
    for (pass = 0; pass < 2; pass++) {                              /* count the links of every row, then put them there */
        for (r = 0; r < p->y_rows; r++)
            for (kd = 0; kd < o->kernel[0]; kd++) {
                d = r / o->out[1] * o->stride[0] + kd * o->dilation[0] - o->padding[0];
                for (kh = 0; kh < o->kernel[1] && d >= 0 && d < o->in[0]; kh++) {
                    int64_t row;
                    h = r % o->out[1] * o->stride[1] + kh * o->dilation[1] - o->padding[1];
                    if (h < 0 || h >= o->in[1]) continue;
                    row = d * o->in[1] + h;
                    if (pass == 0) start[(back ? row : r) + 2]++;
                    else {
                        dli_link *to = &link[start[(back ? row : r) + 1]++];
                        to->row = (int32_t)(back ? r : row);
                        to->tap = (int32_t)((kd * o->kernel[1] + kh) * o->kernel[2]);
                    }
                }
            }
        for (r = 1; r < rows + 2 && pass == 0; r++) start[r] += start[r - 1];
    }
    for (block = 0; block < blocks; block++)
        for (k = 0; k < p->kernel; k++, mask++)
            for (*mask = 0, l = 0; l < 16; l++) {
                at = block * 16 + l;
                if (back) at += p->padding / p->stride - k * p->dilation / p->stride;
                else      at = at * p->stride + k * p->dilation - p->padding;
                if (at >= 0 && at < (back ? p->y_width : p->x_width)) *mask |= (uint32_t)1 << (!back && p->stride == 2 ? 2 * l : l);
            }
    if (!o->largest) {
        dl_real *divisor = (dl_real *)dl_alloc(c, (size_t)(p->y_rows * p->y_width) * sizeof *divisor);
        for (r = 0; divisor && r < p->y_rows * p->y_width; r++) divisor[r] = (dl_real)dli_pool_box(o, r).divisor;
        p->divisor = divisor;
    }
    return !c->failed;
}

/* Where in its plane output i found its largest value, at tap number t. */
static int32_t dli_pool_where(const dli_pool_args *o, int64_t i, int64_t t)
{
    int64_t index = 0, stride = 1, at;
    int a;
    for (a = 2; a >= 0; a--) {
        at = i % o->out[a] * o->stride[a] + t % o->kernel[a] * o->dilation[a] - o->padding[a];
        index += dli_min64(dli_max64(at, 0), o->in[a] - 1) * stride;      /* nothing but -infinity in the window */
        stride *= o->in[a];
        i /= o->out[a];
        t /= o->kernel[a];
    }
    return (int32_t)index;
}

/* --- forward and backward of some planes, one task ------------------------------------------------- */
typedef struct {
    const dl_ctx        *c;
    const dli_pool_args *o;
    const dli_pool      *p;                              /* NULL: box by box                        */
    dl_real             *x, *y;                          /* backward: their gradients               */
    dl_real             *scratch;                        /* backward of the average: y_size a worker */
    unsigned char       *at;
    int32_t             *index;
    int64_t              x_size, y_size, at_size, planes, per_task;    /* sizes of planes           */
    int                  add;
} dli_pool_job;

static void dli_pool_task(void *arg, int64_t task, int worker)
{
    const dli_pool_job *j = (const dli_pool_job *)arg;
    const dli_pool_args *o = j->o;
    int64_t first = task * j->per_task, n = dli_min64(j->per_task, j->planes - first), q, i, e, f, k;
    (void)worker;
    if (j->p) {
        j->c->k->pool(j->y + first * j->y_size, j->at ? j->at + first * j->at_size : NULL, j->x + first * j->x_size, j->p, n);
        return;
    }
    for (q = first; q < first + n; q++)
        for (i = 0; i < j->y_size; i++) {
            const dli_box b = dli_pool_box(o, i);
            const dl_real *x = j->x + q * j->x_size;
            int64_t where = (b.first[0] * o->in[1] + b.first[1]) * o->in[2] + b.first[2], at;
            dl_real sum = 0, best = -dli_infinity();
            for (e = 0; e < b.count[0]; e++)
                for (f = 0; f < b.count[1]; f++) {
                    at = ((b.first[0] + e * o->dilation[0]) * o->in[1] + b.first[1] + f * o->dilation[1]) * o->in[2] + b.first[2];
                    if (!o->largest) sum += j->c->k->sum(x + at, b.count[2]);
                    else for (k = 0; k < b.count[2]; k++, at += o->dilation[2])
                        if (x[at] > best || x[at] != x[at]) best = x[where = at];
                }
            j->y[q * j->y_size + i] = o->largest ? best : sum / (dl_real)b.divisor;
            if (j->index) j->index[q * j->y_size + i] = (int32_t)where;
        }
}

static void dli_pool_back_task(void *arg, int64_t task, int worker)
{
    const dli_pool_job *j = (const dli_pool_job *)arg;
    const dli_pool_args *o = j->o;
    int64_t first = task * j->per_task, n = dli_min64(j->per_task, j->planes - first), q, i, e, f, k;
    if (j->p && o->largest) {
        j->c->k->pool_back(j->x + first * j->x_size, j->y + first * j->y_size, j->at + first * j->at_size, j->p, n, j->add);
        return;
    }
    for (q = first; q < first + n; q++) {
        dl_real *dx = j->x + q * j->x_size, *share = j->scratch + worker * j->y_size;
        const dl_real *g = j->y + q * j->y_size;
        if (j->p) {
            const dl_real *in[2];
            in[0] = g; in[1] = j->p->divisor;
            j->c->k->f_div(share, in, j->y_size, NULL);
            j->c->k->pool_back(dx, share, NULL, j->p, 1, j->add);
            continue;
        }
        if (!j->add) memset(dx, 0, (size_t)j->x_size * sizeof *dx);
        for (i = 0; i < j->y_size; i++) {
            const dli_box b = dli_pool_box(o, i);
            if (o->largest) { dx[j->index[q * j->y_size + i]] += g[i]; continue; }
            for (e = 0; e < b.count[0]; e++)
                for (f = 0; f < b.count[1]; f++) {
                    dl_real *to = dx + ((b.first[0] + e) * o->in[1] + b.first[1] + f) * o->in[2] + b.first[2];
                    for (k = 0; k < b.count[2]; k++) to[k] += g[i] / (dl_real)b.divisor;
                }
        }
    }
}

static void dli_pool_planes(dl_ctx *c, const dl_tensor *y, dli_pool_job *j, dli_pool *p)
{
    const dli_pool_args *o = (const dli_pool_args *)y->opts;
    memset(j, 0, sizeof *j);
    j->c = c; j->o = o;
    j->p = dli_pool_has_taps(o) ? p : NULL;
    j->x_size = o->in[0] * o->in[1] * o->in[2];
    j->y_size = o->out[0] * o->out[1] * o->out[2];
    j->at_size = o->out[0] * o->out[1] * ((o->out[2] + 15) & ~(int64_t)15);
    j->planes = y->size / j->y_size;
    j->per_task = y->src[0]->size >= DLI_PAR_WORK / 4 ? (j->planes + c->threads - 1) / c->threads : j->planes;
    if (!o->largest) return;
    j->index = o->index ? o->index->idata : NULL;
    j->at = y->saved ? (unsigned char *)y->saved + 16 : NULL;      /* the kernels look at up to 15 bytes on either side */
}

static void dli_pool_forward(dl_ctx *c, dl_tensor *y)
{
    dli_pool_args *o = (dli_pool_args *)y->opts;
    dl_tensor *x = y->src[0];
    int taps = dli_pool_has_taps(o), back = c->grad_enabled && x->requires_grad;
    int64_t bytes = o->out[0] * o->out[1] * ((o->out[2] + 15) & ~(int64_t)15), i;
    dli_mark m;
    dli_pool p;
    dli_pool_job j;
    if (o->largest && (o->indices || (back && !taps))) o->index = dli_leaf(c, y->op->name, DL_INT32, y->ndim, y->shape, 0);
    if (o->largest && taps && (o->indices || back))
        y->saved = dl_alloc(c, (size_t)(bytes * (y->size / (o->out[0] * o->out[1] * o->out[2])) + 32));
    m = dli_arena_mark(&c->step);
    dli_pool_planes(c, y, &j, &p);
    j.x = x->data; j.y = y->data;
    if (!c->failed && (!taps || dli_pool_begin(c, o, 0, &p)))
        dli_parallel(c, (j.planes + j.per_task - 1) / j.per_task, dli_pool_task, &j);
    if (taps && o->index && !c->failed)
        for (i = 0; i < y->size; i++) {
            int64_t q = i / j.y_size, r = i % j.y_size;
            o->index->idata[i] = dli_pool_where(o, r, j.at[q * j.at_size + r / o->out[2] * p.pitch + r % o->out[2]]);
        }
    dli_arena_release(&c->step, m);
}

static void dli_pool_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_pool_args *o = (const dli_pool_args *)y->opts;
    dli_mark m = dli_arena_mark(&c->step);
    dli_pool p;
    dli_pool_job j;
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (!dx) return;
    m = dli_arena_mark(&c->step);
    dli_pool_planes(c, y, &j, &p);
    j.x = dx; j.y = y->grad; j.add = add;
    if (!o->largest) j.scratch = (dl_real *)dl_alloc(c, (size_t)(c->threads * j.y_size) * sizeof *dx);
    if (!c->failed && (!j.p || dli_pool_begin(c, o, 1, &p)))
        dli_parallel(c, (j.planes + j.per_task - 1) / j.per_task, dli_pool_back_task, &j);
    dli_arena_release(&c->step, m);
}

/* --- Lp: y = (sum x^p)^(1/p), from the average a of x^p over n elements:  y = (n a)^(1/p),  da = g y / (p a), 0 at a = 0 */
typedef struct { dl_real n, p; } dli_lp_args;
static void dli_lp_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_lp_args *o = (const dli_lp_args *)y->opts;
    int64_t i;
    (void)c;
    for (i = 0; i < y->size; i++) y->data[i] = dli_pow_portable(o->n * y->src[0]->data[i], 1 / o->p);
}
static void dli_lp_backward(dl_ctx *c, dl_tensor *y)
{
    const dl_real *a = y->src[0]->data, p = ((const dli_lp_args *)y->opts)->p;
    int64_t i;
    int add;
    dl_real *da = dl_grad_of(c, y->src[0], &add);
    for (i = 0; da && i < y->size; i++) da[i] = (add ? da[i] : 0) + (a[i] == 0 ? 0 : y->grad[i] * y->data[i] / (p * a[i]));
}
static const dl_op dli_lp_op = { "lp_pool", dli_broadcast_shape, dli_lp_forward, dli_lp_backward };

/* --- constructors ------------------------------------------------------------------------------------ */
static dl_tensor *dli_pool_run(dl_ctx *c, dl_tensor *x, const dli_pool_args *o)
{
    dl_tensor *y;
    if (o->indices) *o->indices = DLI_NIL;
    if (!dli_check(c, o->op->name, "x", x, DL_REAL)) return DLI_NIL;
    if (o->p != 0) {
        dli_lp_args lp;
        lp.p = (dl_real)o->p;
        lp.n = (dl_real)o->kernel[0] * (dl_real)o->kernel[1] * (dl_real)o->kernel[2];
        if (!(o->p > 0 && o->p < 1e6)) return dl_fail(c, "%s: p is %g, expected a positive number", o->op->name, o->p);
        x = dl_pow_scalar(c, x, lp.p);
        x = dl_apply(c, o->op, 1, &x, o, sizeof *o);
        return dl_apply(c, &dli_lp_op, 1, &x, &lp, sizeof lp);
    }
    y = dl_apply(c, o->op, 1, &x, o, sizeof *o);
    if (o->indices && !dl_is_nil(y)) *o->indices = ((const dli_pool_args *)y->opts)->index;
    return y;
}

/* The axis-th of the last `axes` of three axes, which the arrays of the options count from 0. */
static int64_t dli_by_axis(int axes, int a, const int *each, int64_t all, int64_t missing)
{
    a -= 3 - axes;
    return a < 0 ? missing : each[a] ? dli_or(each[a], 0) : all;
}

static dli_pool_args dli_pool_start(const dl_op *op, int axes, int kernel, const int *kernels)
{
    dli_pool_args o;
    int a;
    memset(&o, 0, sizeof o);
    o.op = op;
    o.axes = axes;
    for (a = 0; a < 3; a++) {
        o.kernel[a] = dli_by_axis(axes, a, kernels, kernel, 1);
        o.stride[a] = o.dilation[a] = 1;
    }
    return o;
}

static dli_pool_args dli_max_pool_args(const dl_op *op, int axes, int kernel, dl_max_pool_opts opts)
{
    dli_pool_args o = dli_pool_start(op, axes, kernel, opts.kernels);
    int a;
    o.largest = 1;
    o.ceil_mode = opts.ceil_mode;
    o.indices = opts.indices;
    for (a = 0; a < 3; a++) {
        o.stride[a] = dli_by_axis(axes, a, opts.strides, opts.stride ? opts.stride : o.kernel[a], 1);
        o.padding[a] = dli_by_axis(axes, a, opts.paddings, opts.padding, 0);
        o.dilation[a] = dli_by_axis(axes, a, opts.dilations, opts.dilation ? opts.dilation : 1, 1);
    }
    return o;
}

static dli_pool_args dli_avg_pool_args(const dl_op *op, int axes, int kernel, dl_avg_pool_opts opts)
{
    dli_pool_args o = dli_pool_start(op, axes, kernel, opts.kernels);
    int a;
    o.ceil_mode = opts.ceil_mode;
    o.no_pad_count = opts.no_count_include_pad;
    o.divisor = opts.divisor_override;
    for (a = 0; a < 3; a++) {
        o.stride[a] = dli_by_axis(axes, a, opts.strides, opts.stride ? opts.stride : o.kernel[a], 1);
        o.padding[a] = dli_by_axis(axes, a, opts.paddings, opts.padding, 0);
    }
    return o;
}

static dli_pool_args dli_lp_pool_args(const dl_op *op, int axes, double p, int kernel, dl_lp_pool_opts opts)
{
    dli_pool_args o = dli_pool_start(op, axes, kernel, opts.kernels);
    int a;
    o.p = p != 0 ? p : -1;                                          /* 0 is an error, reported by dli_pool_run */
    o.ceil_mode = opts.ceil_mode;
    for (a = 0; a < 3; a++) o.stride[a] = dli_by_axis(axes, a, opts.strides, opts.stride ? opts.stride : o.kernel[a], 1);
    return o;
}

static dli_pool_args dli_adaptive_args(const dl_op *op, int axes, int largest, int size, const int *sizes, dl_tensor **indices)
{
    static const int none[3] = {0, 0, 0};
    dli_pool_args o = dli_pool_start(op, axes, 1, none);
    int a;
    o.largest = largest;
    o.adaptive = 1;
    o.indices = indices;
    for (a = 0; a < 3; a++) o.stride[a] = dli_by_axis(axes, a, sizes, size, 1);
    return o;
}

/* The modules keep what the functions hand on. */
typedef struct { dl_module base; dl_module_type type; dli_pool_args args; } dli_nn_pool;
static dl_tensor *dli_nn_pool_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dli_pool_run(c, x, &((const dli_nn_pool *)self)->args);
}
static const dl_module_type dli_nn_pool_type = { "pool", sizeof(dli_nn_pool), dli_nn_pool_forward };
static dl_module *dli_nn_pool_create(dl_ctx *c, dli_pool_args args)
{
    dli_nn_pool *m = (dli_nn_pool *)dl_module_create(c, &dli_nn_pool_type);
    if (!c || c->failed) return &m->base;
    m->type = dli_nn_pool_type;
    m->type.name = args.op->name;
    m->base.type = &m->type;
    m->args = args;
    return &m->base;
}

#define DLI_POOL(name, axes, required, args)                                                                              \
    static const dl_op dli_##name##_op = { #name, dli_pool_shape, dli_pool_forward, dli_pool_backward };                   \
    DL_DEF dl_tensor *dl_##name##_with(dl_ctx *c, dl_tensor *x, DLI_ARGS required, dl_##name##_opts o)                     \
    { const dl_op *op = &dli_##name##_op; dli_pool_args a = args; return dli_pool_run(c, x, &a); }                         \
    DL_DEF dl_module *dl_nn_##name##_with(dl_ctx *c, DLI_ARGS required, dl_nn_##name##_opts o)                             \
    { const dl_op *op = &dli_##name##_op; return dli_nn_pool_create(c, args); }
#define DLI_ARGS(...) __VA_ARGS__
#define DLI_POOLS(axes)                                                                                                   \
    DLI_POOL(max_pool##axes##d, axes, (int kernel), dli_max_pool_args(op, axes, kernel, o))                                \
    DLI_POOL(avg_pool##axes##d, axes, (int kernel), dli_avg_pool_args(op, axes, kernel, o))                                \
    DLI_POOL(lp_pool##axes##d, axes, (double p, int kernel), dli_lp_pool_args(op, axes, p, kernel, o))                     \
    DLI_POOL(adaptive_max_pool##axes##d, axes, (int size), dli_adaptive_args(op, axes, 1, size, o.sizes, o.indices))       \
    DLI_POOL(adaptive_avg_pool##axes##d, axes, (int size), dli_adaptive_args(op, axes, 0, size, o.sizes, NULL))
DLI_POOLS(1)
DLI_POOLS(2)
DLI_POOLS(3)
#undef DLI_POOLS
#undef DLI_POOL
#undef DLI_ARGS

DL_DEF dl_tensor *dl_global_avg_pool2d(dl_ctx *c, dl_tensor *x)
{
    dl_adaptive_avg_pool2d_opts o;
    memset(&o, 0, sizeof o);
    return dl_adaptive_avg_pool2d_with(c, x, 1, o);
}
DL_DEF dl_tensor *dl_global_max_pool2d(dl_ctx *c, dl_tensor *x)
{
    dl_adaptive_max_pool2d_opts o;
    memset(&o, 0, sizeof o);
    return dl_adaptive_max_pool2d_with(c, x, 1, o);
}
DL_DEF dl_module *dl_nn_global_avg_pool2d(dl_ctx *c) { return dl_nn_function(c, "global_avg_pool2d", dl_global_avg_pool2d); }
DL_DEF dl_module *dl_nn_global_max_pool2d(dl_ctx *c) { return dl_nn_function(c, "global_max_pool2d", dl_global_max_pool2d); }

DL_DEF dl_tensor *dl_spatial_pyramid_pool_with(dl_ctx *c, dl_tensor *x, dl_spatial_pyramid_pool_opts opts)
{
    dl_adaptive_max_pool2d_opts o;
    dl_tensor *level[8];
    int n;
    memset(&o, 0, sizeof o);
    if (!dli_check(c, "spatial_pyramid_pool", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 4) return dl_fail(c, "spatial_pyramid_pool: %t, expected (N, C, H, W)", x);
    if (!opts.bins[0]) { opts.bins[0] = 1; opts.bins[1] = 2; opts.bins[2] = 4; opts.bins[3] = 0; }
    for (n = 0; n < 8 && opts.bins[n]; n++) level[n] = dl_flatten(c, dl_adaptive_max_pool2d_with(c, x, opts.bins[n], o), 1, -1);
    return dl_cat(c, n, level, 1);
}

/* --- unpooling:  y[indices[i]] = x[i], 0 elsewhere, plane by plane       dx[i] = g[indices[i]] -------- */
typedef struct { int axes; int64_t kernel[3], stride[3], padding[3], size[3]; } dli_unpool_args;

static int dli_unpool_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_unpool_args *o = (const dli_unpool_args *)y->opts;
    const dl_tensor *x = y->src[0], *index = y->src[1];
    const char *who = y->op->name;
    int64_t shape[DL_MAX_DIMS], i;
    double plane = 1;
    int a;
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check(c, who, "indices", index, DL_INT32)) return 0;
    if ((x->ndim != o->axes + 1 && x->ndim != o->axes + 2) || index->ndim != x->ndim || memcmp(index->shape, x->shape, sizeof shape)) {
        dl_fail(c, "%s: %t with indices %t, expected the same shape of %d or %d axes", who, x, index, o->axes + 1, o->axes + 2);
        return 0;
    }
    memcpy(shape, x->shape, sizeof shape);
    for (a = 3 - o->axes; a < 3; a++) {
        int64_t k = o->kernel[a], s = o->stride[a], p = o->padding[a], usual = (x->shape[x->ndim - 3 + a] - 1) * s - 2 * p + k;
        int64_t n = o->size[a] ? o->size[a] : usual;
        if (k < 1 || s < 1 || p < 0 || p > k / 2) {
            dl_fail(c, "%s: kernel %l and stride %l must be positive, padding %l at most half the kernel", who, k, s, p);
            return 0;
        }
        if (n < 1 || n <= usual - s || n >= usual + s) {
            dl_fail(c, "%s: axis %d of %t to size %l, expected %l, more or less by under a stride", who, x->ndim - 3 + a, x, n, usual);
            return 0;
        }
        shape[x->ndim - 3 + a] = n;
        plane *= (double)n;
    }
    if (plane > INT32_MAX) { dl_fail(c, "%s: the planes of %t become too large", who, x); return 0; }
    for (i = 0; i < index->size; i++)
        if (index->idata[i] < 0 || index->idata[i] >= plane) {
            dl_fail(c, "%s: index %d at position %l, expected 0 to %l", who, (int)index->idata[i], i, (int64_t)plane - 1);
            return 0;
        }
    return dl_set_shape(c, y, x->ndim, shape);
}

/* The size of a plane of x: its last `axes` axes. */
static int64_t dli_plane(const dl_tensor *x, int axes)
{
    int64_t n = 1;
    for (; axes > 0; axes--) n *= x->shape[x->ndim - axes];
    return n;
}
static void dli_unpool_forward(dl_ctx *c, dl_tensor *y)
{
    int axes = ((const dli_unpool_args *)y->opts)->axes;
    int64_t from = dli_plane(y->src[0], axes), to = dli_plane(y, axes), i;
    (void)c;
    memset(y->data, 0, (size_t)y->size * sizeof *y->data);
    for (i = 0; i < y->src[0]->size; i++) y->data[i / from * to + y->src[1]->idata[i]] = y->src[0]->data[i];
}
static void dli_unpool_backward(dl_ctx *c, dl_tensor *y)
{
    int axes = ((const dli_unpool_args *)y->opts)->axes, add;
    int64_t from = dli_plane(y->src[0], axes), to = dli_plane(y, axes), i;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    for (i = 0; dx && i < y->src[0]->size; i++) dx[i] = (add ? dx[i] : 0) + y->grad[i / from * to + y->src[1]->idata[i]];
}

static dl_tensor *dli_unpool(dl_ctx *c, const dl_op *op, int axes, dl_tensor *x, dl_tensor *indices, int kernel, const dl_max_unpool_opts *opts)
{
    dli_unpool_args o;
    dl_tensor *src[2];
    int a;
    src[0] = x; src[1] = indices;
    o.axes = axes;
    for (a = 0; a < 3; a++) {
        o.kernel[a] = dli_by_axis(axes, a, opts->kernels, kernel, 1);
        o.stride[a] = dli_by_axis(axes, a, opts->strides, opts->stride ? opts->stride : o.kernel[a], 1);
        o.padding[a] = dli_by_axis(axes, a, opts->paddings, opts->padding, 0);
        o.size[a] = a < 3 - axes ? 1 : opts->sizes[a - (3 - axes)];
    }
    return dl_apply(c, op, 2, src, &o, sizeof o);
}
#define DLI_UNPOOL(axes)                                                                                                  \
    static const dl_op dli_max_unpool##axes##d_op = { "max_unpool" #axes "d", dli_unpool_shape, dli_unpool_forward, dli_unpool_backward }; \
    DL_DEF dl_tensor *dl_max_unpool##axes##d_with(dl_ctx *c, dl_tensor *x, dl_tensor *indices, int kernel, dl_max_unpool##axes##d_opts o) \
    { return dli_unpool(c, &dli_max_unpool##axes##d_op, axes, x, indices, kernel, &o); }
DLI_UNPOOL(1)
DLI_UNPOOL(2)
DLI_UNPOOL(3)
#undef DLI_UNPOOL

/* ================================================================================================
   >>resample    interpolation, pixel shuffle, layouts, grid sampling; regularisers of feature maps
   ================================================================================================ */
static double dli_floor(double x) { double i = (double)(int64_t)x; return i > x ? i - 1 : i; }       /* abs x < 2^62 */

/* --- one axis:  y[i] = sum_k weight[i][k] x[at[i][k]]            dx[at[i][k]] += weight[i][k] g[i] ------
   Interpolation is separable: one such map after the other, the last axis first. */
typedef struct { int dim, taps; int64_t n; const int64_t *at; const dl_real *weight; } dli_taps;

typedef struct { const dl_ctx *c; const dli_taps *o; dl_real *x, *y; int64_t in, inner, outer, per_task; int back; } dli_taps_job;

static void dli_taps_task(void *arg, int64_t task, int worker)
{
    const dli_taps_job *j = (const dli_taps_job *)arg;
    const dli_taps *t = j->o;
    int64_t q, i, k, hi = dli_min64((task + 1) * j->per_task, j->outer);
    (void)worker;
    for (q = task * j->per_task; q < hi; q++) {
        dl_real *x = j->x + q * j->in * j->inner, *y = j->y + q * t->n * j->inner;
        for (i = 0; i < t->n; i++, y += j->inner) {
            const int64_t *at = t->at + i * t->taps;
            const dl_real *w = t->weight + i * t->taps;
            if (j->inner == 1) {
                dl_real sum = 0;
                for (k = 0; k < t->taps && j->back; k++) x[at[k]] += w[k] * y[0];
                for (k = 0; k < t->taps && !j->back; k++) sum += w[k] * x[at[k]];
                if (!j->back) y[0] = sum;
                continue;
            }
            if (!j->back) memset(y, 0, (size_t)j->inner * sizeof *y);
            for (k = 0; k < t->taps; k++) {
                if (w[k] == 0) continue;
                if (j->back) j->c->k->axpy(x + at[k] * j->inner, w[k], y, j->inner);
                else         j->c->k->axpy(y, w[k], x + at[k] * j->inner, j->inner);
            }
        }
    }
}

static void dli_run_taps(dl_ctx *c, const dl_tensor *y, dl_real *xdata, dl_real *ydata, int back)
{
    const dli_taps *o = (const dli_taps *)y->opts;
    dli_lines l = dli_make_lines(y->src[0], o->dim);
    dli_taps_job j;
    j.c = c; j.o = o; j.x = xdata; j.y = ydata; j.back = back;
    j.in = l.n; j.inner = l.stride; j.outer = l.count / l.stride;
    j.per_task = y->size >= DLI_PAR_WORK / 4 ? (j.outer + c->threads - 1) / c->threads : j.outer;
    dli_parallel(c, (j.outer + j.per_task - 1) / j.per_task, dli_taps_task, &j);
}

static int dli_taps_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_taps *o = (const dli_taps *)y->opts;
    int64_t shape[DL_MAX_DIMS];
    memcpy(shape, y->src[0]->shape, sizeof shape);
    shape[o->dim] = o->n;
    return dl_set_shape(c, y, y->src[0]->ndim, shape);
}
static void dli_taps_forward(dl_ctx *c, dl_tensor *y) { dli_run_taps(c, y, y->src[0]->data, y->data, 0); }
static void dli_taps_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx && !add) memset(dx, 0, (size_t)y->src[0]->size * sizeof *dx);
    if (dx) dli_run_taps(c, y, dx, y->grad, 1);
}
static const dl_op dli_interpolate_op = { "interpolate", dli_taps_shape, dli_taps_forward, dli_taps_backward };

/* Keys' cubic: weight of a sample at distance t. */
static double dli_cubic_weight(double t, double a)
{
    if (t < 0) t = -t;
    return t < 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* x along dim to n elements, `scale` input elements apart. */
static dl_tensor *dli_resample_axis(dl_ctx *c, dl_tensor *x, int dim, int64_t n, double scale, const dl_interpolate_opts *o)
{
    int64_t in = x->shape[dim], i, k, first, *at;
    double wide = o->antialias && scale > 1 ? scale : 1, reach = (o->mode == DL_BICUBIC ? 2 : 1) * wide, sum, where;
    int linear = o->mode == DL_BILINEAR || o->mode == DL_BICUBIC;
    dl_real *w;
    dli_taps t;
    if (n == in && scale == 1) return x;
    t.dim = dim;
    t.n = n;
    t.taps = !linear ? 1 : o->antialias ? (int)dli_min64((int64_t)(2 * reach) + 2, in) : o->mode == DL_BICUBIC ? 4 : 2;
    if (n > INT64_MAX / 16 / t.taps) return dl_fail(c, "interpolate: %l filters of %d taps are too many", n, t.taps);
    t.at = at = (int64_t *)dl_alloc(c, (size_t)(n * t.taps) * sizeof *at);
    t.weight = w = (dl_real *)dl_alloc(c, (size_t)(n * t.taps) * sizeof *w);
    if (!at || !w) return DLI_NIL;
    for (i = 0; i < n; i++, at += t.taps, w += t.taps) {
        if (!linear) {                                              /* rounded as PyTorch rounds, in dl_real */
            dl_real s = (dl_real)scale, p = o->mode == DL_NEAREST ? (dl_real)i * s : ((dl_real)i + DLI_C(0.5)) * s;
            at[0] = dli_max64(0, dli_min64((int64_t)p, in - 1));
            w[0] = 1;
            continue;
        }
        if (o->antialias) {
            double centre = scale * ((double)i + 0.5);
            first = dli_max64((int64_t)dli_floor(centre - reach + 0.5), 0);
            where = centre - 0.5;
        } else {
            where = o->align_corners ? scale * (double)i : scale * ((double)i + 0.5) - 0.5;
            if (where < 0 && o->mode == DL_BILINEAR) where = 0;
            first = (int64_t)dli_floor(where) - (o->mode == DL_BICUBIC);
        }
        for (k = 0, sum = 0; k < t.taps; k++) {
            double d = ((double)(first + k) - where) / wide, v;
            int64_t end = o->antialias ? dli_min64((int64_t)(where + 1 + reach), in) : first + t.taps;
            if (o->mode == DL_BICUBIC) v = dli_cubic_weight(d, o->antialias ? -0.5 : -0.75);
            else v = d <= -1 || d >= 1 ? 0 : d < 0 ? 1 + d : 1 - d;
            if (first + k >= end) v = 0;
            at[k] = dli_max64(0, dli_min64(first + k, in - 1));
            w[k] = (dl_real)v;
            sum += v;
        }
        for (k = 0; k < t.taps && o->antialias; k++) w[k] = (dl_real)((double)w[k] / sum);
    }
    return dl_apply(c, &dli_interpolate_op, 1, &x, &t, sizeof t);
}

DL_DEF dl_tensor *dl_interpolate_with(dl_ctx *c, dl_tensor *x, dl_interpolate_opts o)
{
    static const int usual[3] = {0, 0, 0};
    dl_tensor *y = x;
    int64_t size[3], shape[DL_MAX_DIMS], count;
    double scale[3];
    int axes, a, by_scale = o.size[0] == 0;
    if (!dli_check(c, "interpolate", "x", x, DL_REAL)) return DLI_NIL;
    axes = x->ndim - 2;
    if (axes < 1 || axes > 3) return dl_fail(c, "interpolate: %t, expected (N, C, L), (N, C, H, W) or (N, C, D, H, W)", x);
    if ((unsigned)o.mode > DL_NEAREST_EXACT) return dl_fail(c, "interpolate: mode %d is unknown", (int)o.mode);
    if (o.mode == DL_BICUBIC && axes != 2) return dl_fail(c, "interpolate: bicubic needs (N, C, H, W), not %t", x);
    if (o.align_corners && o.mode != DL_BILINEAR && o.mode != DL_BICUBIC)
        return dl_fail(c, "interpolate: align_corners is for bilinear and bicubic");
    if (o.antialias && (axes != 2 || (o.mode != DL_BILINEAR && o.mode != DL_BICUBIC)))
        return dl_fail(c, "interpolate: antialias is for bilinear and bicubic of (N, C, H, W), not %t", x);
    for (a = 0; a < axes; a++) {
        int64_t in = x->shape[2 + a];
        double s = o.scale[a] != 0 ? o.scale[a] : o.scale[0];
        if (by_scale && !(s > 0 && s * (double)in < 9e15)) return dl_fail(c, "interpolate: neither a size nor a scale above 0 for axis %d of %t", 2 + a, x);
        size[a] = by_scale ? (int64_t)((double)in * s) : o.size[a];
        if (size[a] < 1) return dl_fail(c, "interpolate: size %l of axis %d of %t, expected a positive number", size[a], 2 + a, x);
        scale[a] = o.align_corners ? (size[a] > 1 ? (double)(in - 1) / (double)(size[a] - 1) : 0)
                 : by_scale ? 1 / s : (double)in / (double)size[a];
    }
    memcpy(shape, x->shape, sizeof shape);
    for (a = 0; a < axes; a++) shape[2 + a] = size[a];
    if (!dli_size(c, "interpolate", x->ndim, shape, sizeof(dl_real), &count)) return DLI_NIL;
    if (o.mode == DL_AREA) {
        dli_pool_args p = dli_adaptive_args(axes == 1 ? &dli_adaptive_avg_pool1d_op : axes == 2 ? &dli_adaptive_avg_pool2d_op
                                            : &dli_adaptive_avg_pool3d_op, axes, 0, 1, usual, NULL);
        for (a = 0; a < axes; a++) p.stride[3 - axes + a] = size[a];
        return dli_pool_run(c, x, &p);
    }
    for (a = axes - 1; a >= 0 && !dl_is_nil(y); a--) y = dli_resample_axis(c, y, 2 + a, size[a], scale[a], &o);
    return y;
}

DL_DEF dl_tensor *dl_upsample2d_with(dl_ctx *c, dl_tensor *x, double scale, dl_upsample2d_opts opts)
{
    dl_interpolate_opts o;
    memset(&o, 0, sizeof o);
    if (!dli_check(c, "upsample2d", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 4) return dl_fail(c, "upsample2d: %t, expected (N, C, H, W)", x);
    o.scale[0] = scale;
    o.mode = opts.mode;
    o.align_corners = opts.align_corners;
    return dl_interpolate_with(c, x, o);
}

/* --- pixel shuffle, layouts: views and permutations --------------------------------------------------
   (.., C r r, H, W) seen as (M, C, r, r, H, W) -> (M, C, H, r, W, r) */
static dl_tensor *dli_shuffle(dl_ctx *c, const char *who, dl_tensor *x, int64_t r, int back)
{
    static const dl_order forward = {{0, 1, 4, 2, 5, 3, 6, 7}}, inverse = {{0, 1, 3, 5, 2, 4, 6, 7}};
    dl_shape split = {{0}}, joined = {{0}};
    int64_t channels, h, w;
    int d;
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim < 3) return dl_fail(c, "%s: %t, expected (.., C, H, W)", who, x);
    channels = x->shape[x->ndim - 3];
    h = x->shape[x->ndim - 2];
    w = x->shape[x->ndim - 1];
    if (r < 1 || r > 32768 || (back ? h % r || w % r : channels % (r * r) != 0))
        return dl_fail(c, back ? "%s: height and width of %t are no multiples of %l" : "%s: channels of %t are no multiple of %l squared", who, x, r);
    for (d = 0; d < x->ndim - 3; d++) joined.d[d] = x->shape[d];
    joined.d[d]     = back ? channels * r * r : channels / (r * r);
    joined.d[d + 1] = back ? h / r : h * r;
    joined.d[d + 2] = back ? w / r : w * r;
    split.d[0] = x->size / (channels * h * w);
    split.d[1] = back ? channels : channels / (r * r);
    split.d[2] = back ? h / r : r; split.d[3] = r;
    split.d[4] = back ? w / r : h; split.d[5] = back ? r : w;
    return dl_reshape(c, dl_permute(c, dl_reshape(c, x, split), back ? inverse : forward), joined);
}
DL_DEF dl_tensor *dl_pixel_shuffle(dl_ctx *c, dl_tensor *x, int r)   { return dli_shuffle(c, "pixel_shuffle", x, r, 0); }
DL_DEF dl_tensor *dl_pixel_unshuffle(dl_ctx *c, dl_tensor *x, int r) { return dli_shuffle(c, "pixel_unshuffle", x, r, 1); }

static dl_tensor *dli_layout(dl_ctx *c, const char *who, dl_tensor *x, int a, int b, int d)
{
    dl_order order = {{0, 0, 0, 0, 4, 5, 6, 7}};
    order.d[1] = a; order.d[2] = b; order.d[3] = d;
    if (!dli_check_any(c, who, x)) return DLI_NIL;
    if (x->ndim != 4) return dl_fail(c, "%s: %t, expected 4 axes", who, x);
    return dl_permute(c, x, order);
}
DL_DEF dl_tensor *dl_to_nhwc(dl_ctx *c, dl_tensor *x) { return dli_layout(c, "to_nhwc", x, 2, 3, 1); }
DL_DEF dl_tensor *dl_to_nchw(dl_ctx *c, dl_tensor *x) { return dli_layout(c, "to_nchw", x, 3, 1, 2); }

/* --- grids ------------------------------------------------------------------------------------------- */

/* grid = base theta^T, base[p] = (x, y, 1) or (x, y, z, 1) of the output's elements */
DL_DEF dl_tensor *dl_affine_grid_with(dl_ctx *c, dl_tensor *theta, dl_shape size, dl_affine_grid_opts o)
{
    int64_t shape[2], i, rest;
    int axes = dli_shape_rank(size.d) - 2, a;
    dl_shape out = {{0}};
    dl_tensor *base;
    if (!dli_check(c, "affine_grid", "theta", theta, DL_REAL)) return DLI_NIL;
    if (axes < 2 || axes > 3 || theta->ndim != 3 || theta->shape[0] != size.d[0] || theta->shape[1] != axes || theta->shape[2] != axes + 1)
        return dl_fail(c, "affine_grid: theta %t, expected (N, 2, 3) and a size (N, C, H, W), or (N, 3, 4) and (N, C, D, H, W)", theta);
    out.d[0] = size.d[0];
    for (a = 0; a < axes; a++) out.d[1 + a] = size.d[2 + a];
    out.d[1 + axes] = axes;
    if (!dli_size(c, "affine_grid", axes, size.d + 2, 4 * sizeof(dl_real), &shape[0])) return DLI_NIL;
    shape[1] = axes + 1;
    base = dli_leaf(c, "affine_grid", DL_REAL, 2, shape, 0);
    for (i = 0; i < shape[0] && !dl_is_nil(base); i++) {
        for (a = 0, rest = i; a < axes; a++) {
            int64_t n = size.d[1 + axes - a], at = rest % n;
            rest /= n;
            base->data[i * shape[1] + a] = (dl_real)(o.align_corners ? (n > 1 ? 2.0 * (double)at / (double)(n - 1) - 1 : 0)
                                                                     : (double)(2 * at + 1) / (double)n - 1);
        }
        base->data[i * shape[1] + axes] = 1;
    }
    return dl_reshape(c, dl_matmul(c, base, dl_transpose(c, theta, 1, 2)), out);
}

/* grid_sample:  y[n, c, p] = sum of w x[n, c, tap] over the product of the taps of every axis, w the product of their weights
   dx[tap] += w g,   dgrid_a = sum over channels and taps of g x[tap] (dw_a / da) (the other axes' weights) */
typedef struct { int axes, nearest, bicubic, align; dl_padding_mode padding; } dli_grid_args;
typedef struct { int taps; int64_t at[4]; double weight[4], slope[4]; } dli_grid_axis;     /* at -1: outside, reads as 0 */

/* Position p of n elements, reflected or clamped into them; *slope is multiplied by the derivative. */
static double dli_grid_inside(const dli_grid_args *o, double p, double n, double *slope)
{
    if (o->padding == DL_PAD_REFLECT) {
        double low = o->align ? 0 : -0.5, span = o->align ? n - 1 : n, turns;
        if (span <= 0) { *slope = 0; return 0; }
        p -= low;
        if (p < 0) { p = -p; *slope = -*slope; }
        turns = dli_floor(p / span);
        p -= turns * span;
        if (turns - 2 * dli_floor(turns / 2) != 0) { p = span - p; *slope = -*slope; }
        p += low;
    }
    if (o->padding != DL_PAD_ZEROS) {
        if (p <= 0) { p = 0; *slope = 0; }
        if (p >= n - 1) { p = n - 1; *slope = 0; }
    }
    return p;
}

static dli_grid_axis dli_grid_taps(const dli_grid_args *o, double x, int64_t n)
{
    dli_grid_axis a;
    double slope = (double)(o->align ? n - 1 : n) / 2, p, t, unused = 1;
    int k;
    p = o->align ? (x + 1) / 2 * (double)(n - 1) : ((x + 1) * (double)n - 1) / 2;
    if (!(p > -1e9 && p < 1e9)) p = o->padding == DL_PAD_ZEROS ? -100 : p > 0 ? 1e9 : -1e9;      /* NaN and infinities too */
    if (!o->bicubic) p = dli_grid_inside(o, p, (double)n, &slope);
    t = dli_floor(p);
    if (o->nearest) {                                               /* halves to even */
        double up = p - t;
        a.taps = 1;
        a.at[0] = (int64_t)(up > 0.5 || (up == 0.5 && (int64_t)t % 2) ? t + 1 : t);
        a.weight[0] = 1;
        a.slope[0] = 0;
    } else {
        a.taps = o->bicubic ? 4 : 2;
        for (k = 0; k < a.taps; k++) {
            double d = p - t - k + o->bicubic, e = d < 0 ? -d : d, A = -0.75;
            a.at[k] = (int64_t)t + k - o->bicubic;
            a.weight[k] = o->bicubic ? dli_cubic_weight(d, A) : 1 - e;
            a.slope[k] = o->bicubic ? (e < 1 ? (3 * (A + 2) * e - 2 * (A + 3)) * e : (3 * A * e - 10 * A) * e + 8 * A) : -1;
            a.slope[k] *= o->bicubic ? (d < 0 ? -slope : slope) : k ? -slope : slope;
        }
    }
    for (k = 0; k < a.taps; k++) {
        if (o->bicubic) a.at[k] = (int64_t)dli_floor(dli_grid_inside(o, (double)a.at[k], (double)n, &unused));
        if (a.at[k] < 0 || a.at[k] >= n) a.at[k] = -1;
    }
    return a;
}

static int dli_grid_shape(dl_ctx *c, dl_tensor *y)
{
    dli_grid_args *o = (dli_grid_args *)y->opts;
    const dl_tensor *x = y->src[0], *grid = y->src[1];
    int64_t shape[DL_MAX_DIMS];
    int a;
    if (!dli_check(c, "grid_sample", "x", x, DL_REAL) || !dli_check(c, "grid_sample", "grid", grid, DL_REAL)) return 0;
    o->axes = x->ndim - 2;
    if (o->axes < 2 || o->axes > 3 || grid->ndim != x->ndim || grid->shape[0] != x->shape[0] || grid->shape[x->ndim - 1] != o->axes) {
        dl_fail(c, "grid_sample: %t with grid %t, expected (N, C, H, W) with (N, H', W', 2) or (N, C, D, H, W) with (N, D', H', W', 3)", x, grid);
        return 0;
    }
    if (o->bicubic && o->axes == 3) { dl_fail(c, "grid_sample: bicubic needs (N, C, H, W), not %t", x); return 0; }
    if ((unsigned)o->padding > DL_PAD_REPLICATE) { dl_fail(c, "grid_sample: padding mode %d is none of zeros, reflect and replicate", (int)o->padding); return 0; }
    shape[0] = x->shape[0];
    shape[1] = x->shape[1];
    for (a = 0; a < o->axes; a++) shape[2 + a] = grid->shape[1 + a];
    return dl_set_shape(c, y, x->ndim, shape);
}

typedef struct { const dl_tensor *y; dl_real *dx, *dgrid; int add; } dli_grid_job;

/* Sample n of the batch; dx and dgrid are NULL in the forward pass. */
static void dli_grid_task(void *arg, int64_t n, int worker)
{
    const dli_grid_job *j = (const dli_grid_job *)arg;
    const dli_grid_args *o = (const dli_grid_args *)j->y->opts;
    const dl_tensor *x = j->y->src[0], *grid = j->y->src[1];
    int64_t in = dli_plane(x, o->axes), out = dli_plane(j->y, o->axes), p, ch, channels = x->shape[1], size[3];
    int a, i, k[3], back = j->dx || j->dgrid;
    (void)worker;
    for (a = 0; a < 3; a++) size[a] = a < 3 - o->axes ? 1 : x->shape[x->ndim - 3 + a];
    for (p = 0; p < out; p++) {
        const dl_real *at = grid->data + (n * out + p) * o->axes;
        double dgrid[3] = {0, 0, 0};
        dli_grid_axis axis[3];
        for (a = 0; a < 3; a++) {
            if (a >= 3 - o->axes) axis[a] = dli_grid_taps(o, (double)at[2 - a], size[a]);
            else { axis[a].taps = 1; axis[a].at[0] = 0; axis[a].weight[0] = 1; axis[a].slope[0] = 0; }
        }
        for (ch = 0; ch < channels; ch++) {
            const dl_real *from = x->data + (n * channels + ch) * in;
            int64_t to = (n * channels + ch) * out + p;
            double sum = 0, g = back ? (double)j->y->grad[to] : 0;
            for (k[0] = 0; k[0] < axis[0].taps; k[0]++)
                for (k[1] = 0; k[1] < axis[1].taps; k[1]++)
                    for (k[2] = 0; k[2] < axis[2].taps; k[2]++) {
                        double w[3], s[3];
                        int64_t tap = 0;
                        for (a = 0; a < 3 && tap >= 0; a++) {
                            w[a] = axis[a].weight[k[a]];
                            s[a] = axis[a].slope[k[a]];
                            tap = axis[a].at[k[a]] < 0 ? -1 : tap * size[a] + axis[a].at[k[a]];
                        }
                        if (tap < 0) continue;
                        if (!back) { sum += w[0] * w[1] * w[2] * (double)from[tap]; continue; }
                        if (j->dx) j->dx[(n * channels + ch) * in + tap] += (dl_real)(w[0] * w[1] * w[2] * g);
                        dgrid[0] += s[0] * w[1] * w[2] * (double)from[tap] * g;
                        dgrid[1] += w[0] * s[1] * w[2] * (double)from[tap] * g;
                        dgrid[2] += w[0] * w[1] * s[2] * (double)from[tap] * g;
                    }
            if (!back) j->y->data[to] = (dl_real)sum;
        }
        for (i = 0; j->dgrid && i < o->axes; i++) {
            dl_real *d = j->dgrid + (n * out + p) * o->axes + i;
            *d = (j->add ? *d : 0) + (dl_real)dgrid[2 - i];
        }
    }
}
static void dli_grid_forward(dl_ctx *c, dl_tensor *y)
{
    dli_grid_job j;
    j.y = y; j.dx = j.dgrid = NULL; j.add = 0;
    dli_parallel_if(c, y->size >= DLI_PAR_WORK / 16, y->shape[0], dli_grid_task, &j);
}
static void dli_grid_backward(dl_ctx *c, dl_tensor *y)
{
    dli_grid_job j;
    int add;
    j.y = y;
    j.dx = dl_grad_of(c, y->src[0], &add);
    if (j.dx && !add) memset(j.dx, 0, (size_t)y->src[0]->size * sizeof *j.dx);
    j.dgrid = dl_grad_of(c, y->src[1], &j.add);
    if (j.dx || j.dgrid) dli_parallel_if(c, y->size >= DLI_PAR_WORK / 16, y->shape[0], dli_grid_task, &j);
}
static const dl_op dli_grid_sample_op = { "grid_sample", dli_grid_shape, dli_grid_forward, dli_grid_backward };
DL_DEF dl_tensor *dl_grid_sample_with(dl_ctx *c, dl_tensor *x, dl_tensor *grid, dl_grid_sample_opts opts)
{
    dl_tensor *src[2];
    dli_grid_args o;
    src[0] = x; src[1] = grid;
    o.axes = 0; o.nearest = opts.nearest; o.bicubic = opts.bicubic && !opts.nearest; o.align = opts.align_corners; o.padding = opts.padding;
    return dl_apply(c, &dli_grid_sample_op, 2, src, &o, sizeof o);
}

/* --- regularisers: products with a mask that covers some axes, or dropout itself --------------------- */

/* x times a dropout mask over the first n axes of x, the same for all that follow. */
static dl_tensor *dli_drop_axes(dl_ctx *c, const char *who, dl_tensor *x, dl_real p, int n)
{
    dl_tensor *mask;
    dl_shape shape = {{0}};
    int d;
    if (!(p >= 0 && p <= 1)) return dl_fail(c, "%s: p is %g, expected 0 to 1", who, (double)p);
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (!c->training || p == 0) return x;
    for (d = 0; d < x->ndim; d++) shape.d[d] = d < n ? x->shape[d] : 1;
    mask = dl_dropout(c, dl_ones(c, shape), p);
    return dl_mul(c, x, mask);
}

static dl_tensor *dli_dropout_channels(dl_ctx *c, const char *who, int axes, dl_tensor *x, dl_real p)
{
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != axes + 1 && x->ndim != axes + 2) return dl_fail(c, "%s: %t, expected %d or %d axes", who, x, axes + 1, axes + 2);
    return dli_drop_axes(c, who, x, p, x->ndim == axes + 2 || axes == 2 ? 2 : 1);
}
DL_DEF dl_tensor *dl_dropout1d(dl_ctx *c, dl_tensor *x, dl_real p) { return dli_dropout_channels(c, "dropout1d", 1, x, p); }
DL_DEF dl_tensor *dl_dropout2d(dl_ctx *c, dl_tensor *x, dl_real p) { return dli_dropout_channels(c, "dropout2d", 2, x, p); }
DL_DEF dl_tensor *dl_dropout3d(dl_ctx *c, dl_tensor *x, dl_real p) { return dli_dropout_channels(c, "dropout3d", 3, x, p); }

DL_DEF dl_tensor *dl_stochastic_depth_with(dl_ctx *c, dl_tensor *x, dl_real p, dl_stochastic_depth_opts o)
{
    return dli_drop_axes(c, "stochastic_depth", x, p, o.batch ? 0 : 1);
}

/* y = a (x m - A (1 - m)) + a A p,  m the mask, A = 1.7581, a = ((1 - p) (1 + p A^2))^(-1/2):
   with dropout(z) = z m / (1 - p),  y = a (1 - p) dropout(x + A) - a A (1 - p) */
static dl_tensor *dli_alpha_dropout(dl_ctx *c, const char *who, dl_tensor *x, dl_real p, int axes)
{
    const double A = 1.7580993408473766;
    dl_real a;
    if (!(p >= 0 && p <= 1)) return dl_fail(c, "%s: p is %g, expected 0 to 1", who, (double)p);
    if (!dli_check(c, who, "x", x, DL_REAL)) return DLI_NIL;
    if (!c->training || p == 0) return x;
    if (p == 1) return dl_mul_scalar(c, x, 0);
    a = (dl_real)((1 - (double)p) / dli_sqrt64((1 - (double)p) * (1 + (double)p * A * A)));
    x = dl_add_scalar(c, x, (dl_real)A);
    x = axes ? dli_drop_axes(c, who, x, p, axes) : dl_dropout(c, x, p);
    return dl_sub_scalar(c, dl_mul_scalar(c, x, a), a * (dl_real)A);
}
DL_DEF dl_tensor *dl_alpha_dropout(dl_ctx *c, dl_tensor *x, dl_real p)         { return dli_alpha_dropout(c, "alpha_dropout", x, p, 0); }
DL_DEF dl_tensor *dl_feature_alpha_dropout(dl_ctx *c, dl_tensor *x, dl_real p) { return dli_alpha_dropout(c, "feature_alpha_dropout", x, p, 2); }

/* Corners of squares are drawn with probability p H W / (b^2 (H - b + 1) (W - b + 1)); a maximum over b x b makes them squares. */
DL_DEF dl_tensor *dl_drop_block2d(dl_ctx *c, dl_tensor *x, dl_real p, int block_size)
{
    dl_max_pool2d_opts one;
    dl_pad_opts zeros;
    dl_pads pads;
    dl_shape shape = {{0}};
    dl_tensor *mask;
    int64_t b, h, w, i;
    double gamma, kept = 0;
    int d, grad;
    if (!(p >= 0 && p <= 1)) return dl_fail(c, "drop_block2d: p is %g, expected 0 to 1", (double)p);
    if (!dli_check(c, "drop_block2d", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim != 4 || block_size < 1) return dl_fail(c, "drop_block2d: %t with blocks of %d, expected (N, C, H, W) and a positive size", x, block_size);
    if (!c->training || p == 0) return x;
    h = x->shape[2];
    w = x->shape[3];
    b = dli_min64(block_size, dli_min64(h, w));
    gamma = (double)p * (double)h * (double)w / ((double)(b * b) * (double)(h - b + 1) * (double)(w - b + 1));
    for (d = 0; d < 4; d++) shape.d[d] = x->shape[d] - (d < 2 ? 0 : b - 1);
    memset(&one, 0, sizeof one);
    memset(&zeros, 0, sizeof zeros);
    memset(&pads, 0, sizeof pads);
    one.stride = 1;
    pads.before[2] = pads.after[2] = pads.before[3] = pads.after[3] = b - 1;
    grad = dl_set_grad_enabled(c, 0);
    mask = dl_rand(c, shape);
    for (i = 0; i < mask->size; i++) mask->data[i] = (double)mask->data[i] < gamma;
    mask = dl_max_pool2d_with(c, dl_pad_with(c, mask, pads, zeros), (int)b, one);
    for (i = 0; i < mask->size; i++) kept += mask->data[i] == 0;
    for (i = 0; i < mask->size; i++) mask->data[i] = mask->data[i] == 0 ? (dl_real)((double)mask->size / (kept + 1e-6)) : 0;
    dl_set_grad_enabled(c, grad);
    return dl_mul(c, x, mask);
}

/* --- modules ------------------------------------------------------------------------------------------ */
typedef struct { dl_module base; dl_interpolate_opts o; } dli_nn_upsample;
static dl_tensor *dli_nn_upsample_forward(dl_ctx *c, dl_module *self, dl_tensor *x) { return dl_interpolate_with(c, x, ((dli_nn_upsample *)self)->o); }
static const dl_module_type dli_nn_upsample_type = { "upsample", sizeof(dli_nn_upsample), dli_nn_upsample_forward };
DL_DEF dl_module *dl_nn_upsample_with(dl_ctx *c, double scale, dl_nn_upsample_opts o)
{
    dli_nn_upsample *m = (dli_nn_upsample *)dl_module_create(c, &dli_nn_upsample_type);
    if (!c || c->failed) return &m->base;
    m->o = o;
    if (o.scale[0] == 0) m->o.scale[0] = scale;
    return &m->base;
}

/* A function of x, a real and an int. */
typedef struct { dl_module base; dl_real p; int n; } dli_nn_map;
#define DLI_MODULE(name, call)                                                                                            \
    static dl_tensor *dli_nn_##name##_forward(dl_ctx *c, dl_module *self, dl_tensor *x)                                    \
    { const dli_nn_map *m = (const dli_nn_map *)self; return call; }                                                       \
    static const dl_module_type dli_nn_##name##_type = { #name, sizeof(dli_nn_map), dli_nn_##name##_forward };
static dl_module *dli_nn_map_create(dl_ctx *c, const dl_module_type *type, dl_real p, int n)
{
    dli_nn_map *m;
    if (!(p >= 0 && p <= 1)) { dl_fail(c, "nn_%s: p is %g, expected 0 to 1", type->name, (double)p); return dli_nil_module(c); }
    m = (dli_nn_map *)dl_module_create(c, type);
    if (c && !c->failed) { m->p = p; m->n = n; }
    return &m->base;
}
static dl_tensor *dli_nn_depth(dl_ctx *c, dl_tensor *x, const dli_nn_map *m)
{
    dl_stochastic_depth_opts o;
    memset(&o, 0, sizeof o);
    o.batch = m->n;
    return dl_stochastic_depth_with(c, x, m->p, o);
}
DLI_MODULE(pixel_shuffle, dl_pixel_shuffle(c, x, m->n))
DLI_MODULE(pixel_unshuffle, dl_pixel_unshuffle(c, x, m->n))
DLI_MODULE(dropout1d, dl_dropout1d(c, x, m->p))
DLI_MODULE(dropout2d, dl_dropout2d(c, x, m->p))
DLI_MODULE(dropout3d, dl_dropout3d(c, x, m->p))
DLI_MODULE(alpha_dropout, dl_alpha_dropout(c, x, m->p))
DLI_MODULE(feature_alpha_dropout, dl_feature_alpha_dropout(c, x, m->p))
DLI_MODULE(drop_block2d, dl_drop_block2d(c, x, m->p, m->n))
DLI_MODULE(stochastic_depth, dli_nn_depth(c, x, m))
#undef DLI_MODULE
DL_DEF dl_module *dl_nn_pixel_shuffle(dl_ctx *c, int r)               { return dli_nn_map_create(c, &dli_nn_pixel_shuffle_type, 0, r); }
DL_DEF dl_module *dl_nn_pixel_unshuffle(dl_ctx *c, int r)             { return dli_nn_map_create(c, &dli_nn_pixel_unshuffle_type, 0, r); }
DL_DEF dl_module *dl_nn_dropout1d(dl_ctx *c, dl_real p)               { return dli_nn_map_create(c, &dli_nn_dropout1d_type, p, 0); }
DL_DEF dl_module *dl_nn_dropout2d(dl_ctx *c, dl_real p)               { return dli_nn_map_create(c, &dli_nn_dropout2d_type, p, 0); }
DL_DEF dl_module *dl_nn_dropout3d(dl_ctx *c, dl_real p)               { return dli_nn_map_create(c, &dli_nn_dropout3d_type, p, 0); }
DL_DEF dl_module *dl_nn_alpha_dropout(dl_ctx *c, dl_real p)           { return dli_nn_map_create(c, &dli_nn_alpha_dropout_type, p, 0); }
DL_DEF dl_module *dl_nn_feature_alpha_dropout(dl_ctx *c, dl_real p)   { return dli_nn_map_create(c, &dli_nn_feature_alpha_dropout_type, p, 0); }
DL_DEF dl_module *dl_nn_drop_block2d(dl_ctx *c, dl_real p, int block) { return dli_nn_map_create(c, &dli_nn_drop_block2d_type, p, block); }
DL_DEF dl_module *dl_nn_stochastic_depth_with(dl_ctx *c, dl_real p, dl_nn_stochastic_depth_opts o)
{
    return dli_nn_map_create(c, &dli_nn_stochastic_depth_type, p, o.batch);
}

/* ================================================================================================
   >>norm        batch, group, instance, layer, RMS and local response normalisation; weight and spectral norm
   ================================================================================================ */

/* v = (x - shift) scale + offset has mean 0 and variance 1.  What shift loses of the mean by rounding is in offset. */
typedef struct { dl_real shift, scale, offset; } dli_standard;

static dli_standard dli_standardize(double mean, double var, double eps)
{
    double scale = 1 / dli_sqrt64(var + eps);
    dli_standard s;
    s.shift = (dl_real)mean;
    s.scale = (dl_real)scale;
    s.offset = (dl_real)(((double)s.shift - mean) * scale);
    return s;
}

/* Mean and biased variance of `rows` rows of n, `step` apart, in one pass: sums of x - a and its square, a being the mean of the
   first m elements.  The variance is at least (m / all) (a - mean)^2, so nothing cancels, whatever the mean is. */
static void dli_mean_var(const dl_ctx *c, const dl_real *x, int64_t n, int64_t rows, int64_t step, double *mean, double *var)
{
    int64_t m = dli_min64(n, 256), i;
    dl_real a = c->k->sum(x, m) / (dl_real)m;
    double s[2] = {0, 0}, d;
    for (i = 0; i < rows; i++) c->k->norm_moments(s, x + i * step, a, n, i + 1 < rows ? step : 0);
    d = s[0] / ((double)n * (double)rows);
    *mean = (double)a + d;
    *var = s[1] / ((double)n * (double)rows) - d * d;
    if (*var < 0) *var = 0;
}

/* The backward half of a row:  dx = scale (w h - a - v b),  a = mean of w h, b = mean of w h v over what shares mean and var. */
static void dli_norm_slope(dli_norm_row *row, dli_standard s, double w, double a, double b)
{
    row->h_factor = (dl_real)(s.scale * w);
    row->x_factor = (dl_real)(-s.scale * b * s.scale);
    row->constant = (dl_real)(-s.scale * (a + s.offset * b));
}

static int dli_norm_eps(dl_ctx *c, const char *who, double eps)
{
    if (!(eps >= 0)) dl_fail(c, "%s: eps is %g, expected 0 (1e-5), a positive number or -1 (an exact 0)", who, eps);
    return eps >= 0;
}

/* t, if given, is the next source, and must be of this shape.  Its place among the sources is left in *at, 0: not given. */
static int dli_norm_source(dl_ctx *c, const char *who, const char *what, dl_tensor *t, int ndim, const int64_t *shape,
                           dl_tensor **src, int *n, int *at)
{
    int d, same;
    *at = 0;
    if (!t) return 1;
    if (!dli_check(c, who, what, t, DL_REAL)) return 0;
    same = t->ndim == ndim;
    for (d = 0; d < ndim; d++) same = same && t->shape[d] == shape[d];
    if (!same) {
        dl_tensor like;
        like.ndim = ndim;
        for (d = 0; d < ndim; d++) like.shape[d] = shape[d];
        dl_fail(c, "%s: %s %t, expected %t", who, what, t, &like);
        return 0;
    }
    *at = *n;
    src[(*n)++] = t;
    return 1;
}

static int dli_shape_of_x(dl_ctx *c, dl_tensor *y) { return dl_set_shape(c, y, y->src[0]->ndim, y->src[0]->shape); }

/* --- batch, group and instance normalisation ------------------------------------------------------------------------
   x is (N, C, S), that is N C rows of S elements, one weight and bias each.  A set, what shares mean and variance, is count
   rows: batch: n C + c for all n;  group: n C + c for the channels c of a group.
       v = (x - mean) / sqrt(var + eps),  y = act(v w + b + r)
       h = g act'(y),  dr = h,  dw = sum h v,  db = sum h
       dx = (w h - mean(w h) - v mean(w h v)) / sqrt(var + eps), means over the set;  given statistics: w h / sqrt(var + eps) */
typedef struct {
    int64_t    N, C, S, groups;              /* groups 0: over the batch              */
    int        w, b, r, relu;                /* place of weight, bias, residual among the sources */
    int        given;                        /* mean and var are the running ones     */
    double     eps, momentum;
    dl_tensor *mean, *var;                   /* running, or NULL                      */
} dli_norm_args;

typedef struct {
    const dl_ctx        *c;
    const dli_norm_args *o;
    int64_t        N, C, S, sets, count, stride;    /* rows of a set are `stride` apart  */
    const dl_real *x, *w, *b, *r, *g, *y;
    dl_real       *out, *dx, *dr;
    int            add_dx, add_dr;
    dli_standard  *standard;                 /* of each set                           */
    double        *sums;                     /* of each row: h and h (x - shift)      */
} dli_norm_job;

static int64_t dli_norm_first(const dli_norm_job *j, int64_t set) { return j->o->groups ? set * j->count : set; }

/* y = (x - shift) scale w + (offset w + b) in row i of the set s. */
static dli_norm_row dli_norm_row_of(const dli_norm_job *j, dli_standard s, int64_t i, int last)
{
    dl_real w = j->w ? j->w[i % j->C] : 1;
    dli_norm_row row;
    memset(&row, 0, sizeof row);
    row.shift = s.shift;
    row.scale = s.scale * w;
    row.offset = s.offset * w + (j->b ? j->b[i % j->C] : 0);
    row.relu = j->o->relu;
    row.ahead = last ? 0 : j->stride * j->S;
    return row;
}

static void dli_norm_forward_task(void *arg, int64_t set, int worker)
{
    const dli_norm_job *j = (const dli_norm_job *)arg;
    const dli_norm_args *o = j->o;
    int64_t first = dli_norm_first(j, set), i, k;
    double mean, var, n = (double)j->count * (double)j->S;
    (void)worker;
    if (o->given) {
        mean = o->mean->data[set];
        var = o->var->data[set];
    } else {
        dli_mean_var(j->c, j->x + first * j->S, j->S, j->count, j->stride * j->S, &mean, &var);
        if (o->mean) {
            o->mean->data[set] = (dl_real)((1 - o->momentum) * o->mean->data[set] + o->momentum * mean);
            o->var->data[set] = (dl_real)((1 - o->momentum) * o->var->data[set] + o->momentum * (var * n / (n - 1)));
        }
    }
    j->standard[set] = dli_standardize(mean, var, o->eps);
    for (k = 0, i = first; k < j->count; k++, i += j->stride) {
        dli_norm_row row = dli_norm_row_of(j, j->standard[set], i, k + 1 == j->count);
        j->c->k->norm_forward(j->out + i * j->S, j->x + i * j->S, j->r ? j->r + i * j->S : NULL, j->S, &row);
    }
}

static void dli_norm_backward_task(void *arg, int64_t set, int worker)
{
    const dli_norm_job *j = (const dli_norm_job *)arg;
    int64_t first = dli_norm_first(j, set), S = j->S, i, k;
    dli_standard s = j->standard[set];
    double a = 0, b = 0, n = (double)j->count * (double)S;
    (void)worker;
    for (k = 0, i = first; k < j->count; k++, i += j->stride) {
        dli_norm_row row = dli_norm_row_of(j, s, i, k + 1 == j->count);
        double w = j->w ? (double)j->w[i % j->C] : 1, *sums = j->sums + 2 * i;
        sums[0] = sums[1] = 0;
        j->c->k->norm_sums(sums, j->g + i * S, j->x + i * S, j->y ? j->y + i * S : NULL, S, &row);
        a += w * sums[0];
        b += w * (s.scale * sums[1] + s.offset * sums[0]);
    }
    if (j->o->given) a = b = 0;
    if (!j->dx && !j->dr) return;
    for (k = 0, i = first; k < j->count; k++, i += j->stride) {
        dli_norm_row row = dli_norm_row_of(j, s, i, k + 1 == j->count);
        dli_norm_slope(&row, s, j->w ? (double)j->w[i % j->C] : 1, a / n, b / n);
        row.dx = j->dx ? j->dx + i * S : NULL;
        row.dr = j->dr ? j->dr + i * S : NULL;
        row.add_dx = j->add_dx;
        row.add_dr = j->add_dr;
        j->c->k->norm_backward(j->g + i * S, j->x + i * S, j->y ? j->y + i * S : NULL, S, &row);
    }
}

/* (A, B, S) -> (B, A, S) */
static void dli_swap_first(const dl_ctx *c, dl_real *out, const dl_real *in, int64_t A, int64_t B, int64_t S)
{
    int64_t a, b;
    if (S == 1) { c->k->gemm_pack_t(out, A, in, B, B, A); return; }
    for (a = 0; a < A; a++)
        for (b = 0; b < B; b++) memcpy(out + (b * A + a) * S, in + (a * B + b) * S, (size_t)S * sizeof *out);
}

/* Rows are too short for the kernels: work on a copy with the channels first, whose rows are the sets. */
static int dli_norm_swapped(const dli_norm_args *o) { return !o->groups && o->N > 1 && o->S < 32; }

/* x itself or, if `swapped`, a copy with the channels first; NULL for NULL. */
static const dl_real *dli_norm_input(dl_ctx *c, const dli_norm_args *o, int swapped, const dl_real *x)
{
    dl_real *t = x && swapped ? (dl_real *)dl_alloc(c, (size_t)(o->N * o->C * o->S) * sizeof *t) : NULL;
    if (t) dli_swap_first(c, t, x, o->N, o->C, o->S);
    return swapped ? t : x;
}

/* Where to write what belongs into x. */
static dl_real *dli_norm_output(dl_ctx *c, const dli_norm_args *o, int swapped, dl_real *x)
{
    return x && swapped ? (dl_real *)dl_alloc(c, (size_t)(o->N * o->C * o->S) * sizeof *x) : x;
}

/* x = or += t with its channels second again; t is spoilt. */
static void dli_norm_finish(dl_ctx *c, const dli_norm_args *o, dl_real *x, dl_real *t, int add)
{
    int64_t n = o->N * o->C * o->S;
    dl_real *back = x;
    if (!t || t == x) return;
    if (add) back = (dl_real *)dl_alloc(c, (size_t)n * sizeof *x);
    if (back) dli_swap_first(c, back, t, o->C, o->N, o->S);
    if (back && add) c->k->add(x, back, n);
}

static void dli_norm_begin(dli_norm_job *j, const dl_ctx *c, const dl_tensor *y)
{
    const dli_norm_args *o = (const dli_norm_args *)y->opts;
    int swapped = dli_norm_swapped(o);
    memset(j, 0, sizeof *j);
    j->c = c; j->o = o;
    j->w = o->w ? y->src[o->w]->data : NULL;
    j->b = o->b ? y->src[o->b]->data : NULL;
    j->N = swapped ? 1 : o->N;
    j->C = o->C;
    j->S = swapped ? o->N * o->S : o->S;
    j->count = o->groups ? o->C / o->groups : j->N;
    j->stride = o->groups ? 1 : o->C;
    j->sets = j->N * j->C / j->count;
}

static void dli_standard_forward(dl_ctx *c, dl_tensor *y)
{
    const dli_norm_args *o = (const dli_norm_args *)y->opts;
    int swapped = dli_norm_swapped(o);
    dli_norm_job j;
    dli_mark m;
    dli_norm_begin(&j, c, y);
    y->saved = j.standard = (dli_standard *)dl_alloc(c, (size_t)j.sets * sizeof *j.standard);
    m = dli_arena_mark(&c->step);
    j.x = dli_norm_input(c, o, swapped, y->src[0]->data);
    j.r = dli_norm_input(c, o, swapped, o->r ? y->src[o->r]->data : NULL);
    j.out = dli_norm_output(c, o, swapped, y->data);
    if (!c->failed) {
        dli_parallel_if(c, y->size >= DLI_PAR_WORK, j.sets, dli_norm_forward_task, &j);
        dli_norm_finish(c, o, y->data, j.out, 0);
    }
    dli_arena_release(&c->step, m);
}

/* dw and db from the sums of the rows */
static void dli_norm_weight_grads(const dli_norm_job *j, dl_real *dw, int add_w, dl_real *db, int add_b)
{
    const dli_norm_args *o = j->o;
    int64_t ch, n;
    for (ch = 0; ch < j->C && (dw || db); ch++) {
        double w = 0, b = 0;
        for (n = 0; n < j->N; n++) {
            int64_t i = n * j->C + ch;
            const double *sums = j->sums + 2 * i;
            dli_standard s = j->standard[o->groups ? i / j->count : ch];
            w += s.scale * sums[1] + s.offset * sums[0];
            b += sums[0];
        }
        if (dw) dw[ch] = (add_w ? dw[ch] : 0) + (dl_real)w;
        if (db) db[ch] = (add_b ? db[ch] : 0) + (dl_real)b;
    }
}

static void dli_standard_backward(dl_ctx *c, dl_tensor *y)
{
    const dli_norm_args *o = (const dli_norm_args *)y->opts;
    int swapped = dli_norm_swapped(o), add_dx, add_dr = 0, add_w = 0, add_b = 0;
    dl_real *dx = dl_grad_of(c, y->src[0], &add_dx), *dr = o->r && o->relu ? dl_grad_of(c, y->src[o->r], &add_dr) : NULL;
    dl_real *dw = o->w ? dl_grad_of(c, y->src[o->w], &add_w) : NULL, *db = o->b ? dl_grad_of(c, y->src[o->b], &add_b) : NULL;
    dli_mark m = dli_arena_mark(&c->step);                   /* behind the gradients, which stay */
    dli_norm_job j;
    dli_norm_begin(&j, c, y);
    j.standard = (dli_standard *)y->saved;
    j.x = dli_norm_input(c, o, swapped, y->src[0]->data);
    j.g = dli_norm_input(c, o, swapped, y->grad);
    j.y = dli_norm_input(c, o, swapped, o->r && o->relu ? y->data : NULL);
    j.dx = dli_norm_output(c, o, swapped, dx);
    j.dr = dli_norm_output(c, o, swapped, dr);
    j.add_dx = !swapped && add_dx;
    j.add_dr = !swapped && add_dr;
    j.sums = (double *)dl_alloc(c, 2 * (size_t)(j.N * j.C) * sizeof *j.sums);
    if (!c->failed) {
        dli_parallel_if(c, y->size >= DLI_PAR_WORK, j.sets, dli_norm_backward_task, &j);
        dli_norm_finish(c, o, dx, j.dx, add_dx);
        dli_norm_finish(c, o, dr, j.dr, add_dr);
        dli_norm_weight_grads(&j, dw, add_w, db, add_b);
    }
    dli_arena_release(&c->step, m);
    if (o->r && !o->relu && !c->failed) dli_grad_pass(c, y, y->src[o->r]);
}
static const dl_op dli_batch_norm_op    = { "batch_norm",    dli_shape_of_x, dli_standard_forward, dli_standard_backward };
static const dl_op dli_group_norm_op    = { "group_norm",    dli_shape_of_x, dli_standard_forward, dli_standard_backward };
static const dl_op dli_instance_norm_op = { "instance_norm", dli_shape_of_x, dli_standard_forward, dli_standard_backward };

/* Fills in what x and its weight and bias say.  0 after an error. */
static int dli_norm_prepare(dl_ctx *c, const char *who, dl_tensor *x, dl_tensor *weight, dl_tensor *bias, double eps,
                            dli_norm_args *a, dl_tensor **src, int *n)
{
    memset(a, 0, sizeof *a);
    if (!dli_check(c, who, "x", x, DL_REAL)) return 0;
    if (x->ndim < 2) { dl_fail(c, "%s: x %t, expected (N, C) or (N, C, ..)", who, x); return 0; }
    a->N = x->shape[0];
    a->C = x->shape[1];
    a->S = x->size / (a->N * a->C);
    a->eps = eps;
    src[0] = x;
    *n = 1;
    return dli_norm_eps(c, who, eps) && dli_norm_source(c, who, "weight", weight, 1, &a->C, src, n, &a->w) &&
           dli_norm_source(c, who, "bias", bias, 1, &a->C, src, n, &a->b);
}

DL_DEF dl_tensor *dl_batch_norm_with(dl_ctx *c, dl_tensor *x, dl_tensor *running_mean, dl_tensor *running_var, dl_tensor *weight,
                                     dl_tensor *bias, dl_batch_norm_opts o)
{
    dl_tensor *src[4], *running[2], *y;
    dli_norm_args a;
    int n, two = 0, at;
    if (!dli_norm_prepare(c, "batch_norm", x, weight, bias, (double)dli_or_real(o.eps, 1e-5), &a, src, &n) ||
        !dli_norm_source(c, "batch_norm", "residual", o.residual, x->ndim, x->shape, src, &n, &a.r) ||
        !dli_norm_source(c, "batch_norm", "running_mean", running_mean, 1, &a.C, running, &two, &at) ||
        !dli_norm_source(c, "batch_norm", "running_var", running_var, 1, &a.C, running, &two, &at)) return DLI_NIL;
    a.momentum = (double)dli_or_real(o.momentum, 0.1);
    if (!(a.momentum >= 0 && a.momentum <= 1)) return dl_fail(c, "batch_norm: momentum is %g, expected 0 to 1", a.momentum);
    if ((unsigned)o.activation > DL_TANH) return dl_fail(c, "batch_norm: activation %d is unknown", (int)o.activation);
    if (two == 1) return dl_fail(c, "batch_norm: running_mean and running_var go together, one is NULL");
    a.mean = running_mean;
    a.var = running_var;
    a.given = !c->training && two;
    a.relu = o.activation == DL_RELU;
    if (c->training && a.N * a.S == 1)
        return dl_fail(c, "batch_norm: x %t has one value per channel, training needs more", x);
    y = dl_apply(c, &dli_batch_norm_op, n, src, &a, sizeof a);
    return o.activation == DL_SIGMOID ? dl_sigmoid(c, y) : o.activation == DL_TANH ? dl_tanh(c, y) : y;
}

DL_DEF dl_tensor *dl_group_norm_with(dl_ctx *c, dl_tensor *x, int64_t groups, dl_tensor *weight, dl_tensor *bias, dl_group_norm_opts o)
{
    dl_tensor *src[3];
    dli_norm_args a;
    int n;
    if (!dli_norm_prepare(c, "group_norm", x, weight, bias, (double)dli_or_real(o.eps, 1e-5), &a, src, &n)) return DLI_NIL;
    if (groups < 1 || a.C % groups) return dl_fail(c, "group_norm: %l groups do not divide the %l channels of %t", groups, a.C, x);
    a.groups = groups;
    return dl_apply(c, &dli_group_norm_op, n, src, &a, sizeof a);
}

DL_DEF dl_tensor *dl_instance_norm_with(dl_ctx *c, dl_tensor *x, dl_tensor *weight, dl_tensor *bias, dl_instance_norm_opts o)
{
    dl_tensor *src[3];
    dli_norm_args a;
    int n;
    if (!dli_norm_prepare(c, "instance_norm", x, weight, bias, (double)dli_or_real(o.eps, 1e-5), &a, src, &n)) return DLI_NIL;
    if (a.S == 1) return dl_fail(c, "instance_norm: x %t has one value per channel, needs more", x);
    a.groups = a.C;
    return dl_apply(c, &dli_instance_norm_op, n, src, &a, sizeof a);
}

/* --- layer and RMS normalisation: rows of n -------------------------------------------------------------------------
       v = (x - mean) / sqrt(var + eps),  y = v w + b;   RMS: v = x / sqrt(mean of x^2 + eps)
       h = g w,  dx = (h - mean h - v mean(h v)) / sqrt(var + eps), RMS: without mean h;  dw = sum of the rows of g v, db = .. g
   Rows go in blocks, each with its own sums for dw and db, which are then joined in order; blocks depend on the shape only. */
typedef struct { int64_t n; int w, b, rms; double eps; } dli_layer_args;

typedef struct {
    const dl_ctx         *c;
    const dli_layer_args *o;
    int64_t        rows, block;
    const dl_real *x, *w, *b, *g;
    dl_real       *y, *dx, *dw, *db;         /* dw, db: of each block  */
    int            add_dx;
    dli_standard  *standard;                 /* of each row            */
} dli_layer_job;

static dli_layer_job dli_layer_begin(const dl_ctx *c, const dl_tensor *y)
{
    const dli_layer_args *o = (const dli_layer_args *)y->opts;
    dli_layer_job j;
    memset(&j, 0, sizeof j);
    j.c = c; j.o = o;
    j.rows = y->size / o->n;
    j.block = dli_max64(8, (j.rows + 31) / 32);
    j.x = y->src[0]->data;
    j.w = o->w ? y->src[o->w]->data : NULL;
    j.b = o->b ? y->src[o->b]->data : NULL;
    j.standard = (dli_standard *)y->saved;
    return j;
}
static int64_t dli_layer_blocks(const dli_layer_job *j) { return (j->rows + j->block - 1) / j->block; }

static dli_norm_row dli_layer_row(const dli_layer_job *j, int64_t i)
{
    dli_norm_row row;
    memset(&row, 0, sizeof row);
    row.shift = j->standard[i].shift;
    row.scale = j->standard[i].scale;
    row.offset = j->standard[i].offset;
    row.w = j->w;
    row.b = j->b;
    row.ahead = i + 1 < j->rows ? j->o->n : 0;
    return row;
}

static void dli_layer_forward_task(void *arg, int64_t task, int worker)
{
    const dli_layer_job *j = (const dli_layer_job *)arg;
    int64_t n = j->o->n, i, end = dli_min64((task + 1) * j->block, j->rows);
    (void)worker;
    for (i = task * j->block; i < end; i++) {
        double mean = 0, var, s[2] = {0, 0};
        dli_norm_row row;
        if (j->o->rms) {
            j->c->k->norm_moments(s, j->x + i * n, 0, n, n);
            var = s[1] / (double)n;
        } else dli_mean_var(j->c, j->x + i * n, n, 1, n, &mean, &var);
        j->standard[i] = dli_standardize(mean, var, j->o->eps);
        row = dli_layer_row(j, i);
        j->c->k->norm_forward(j->y + i * n, j->x + i * n, NULL, n, &row);
    }
}
static void dli_layer_forward(dl_ctx *c, dl_tensor *y)
{
    dli_layer_job j;
    y->saved = dl_alloc(c, (size_t)(y->size / ((dli_layer_args *)y->opts)->n) * sizeof(dli_standard));
    if (c->failed) return;
    j = dli_layer_begin(c, y);
    j.y = y->data;
    dli_parallel_if(c, y->size >= DLI_PAR_WORK, dli_layer_blocks(&j), dli_layer_forward_task, &j);
}

static void dli_layer_backward_task(void *arg, int64_t task, int worker)
{
    const dli_layer_job *j = (const dli_layer_job *)arg;
    int64_t n = j->o->n, i, end = dli_min64((task + 1) * j->block, j->rows);
    dl_real *dw = j->dw ? j->dw + task * n : NULL, *db = j->db ? j->db + task * n : NULL;
    (void)worker;
    if (dw) memset(dw, 0, (size_t)n * sizeof *dw);
    if (db) memset(db, 0, (size_t)n * sizeof *db);
    for (i = task * j->block; i < end; i++) {
        dli_norm_row row = dli_layer_row(j, i);
        dli_standard s = j->standard[i];
        double sums[2] = {0, 0};
        row.dw = dw;
        row.db = db;
        if (j->dx) {
            j->c->k->norm_sums(sums, j->g + i * n, j->x + i * n, NULL, n, &row);
            dli_norm_slope(&row, s, 1, j->o->rms ? 0 : sums[0] / (double)n,
                           (s.scale * sums[1] + s.offset * sums[0]) / (double)n);
            row.dx = j->dx + i * n;
            row.add_dx = j->add_dx;
        }
        j->c->k->norm_backward(j->g + i * n, j->x + i * n, NULL, n, &row);
    }
}
static void dli_layer_backward(dl_ctx *c, dl_tensor *y)
{
    dli_layer_job j = dli_layer_begin(c, y);
    dli_mark m;
    int64_t n = j.o->n, blocks = dli_layer_blocks(&j), k;
    int add_w = 0, add_b = 0;
    dl_real *dw = j.o->w ? dl_grad_of(c, y->src[j.o->w], &add_w) : NULL, *db = j.o->b ? dl_grad_of(c, y->src[j.o->b], &add_b) : NULL;
    j.dx = dl_grad_of(c, y->src[0], &j.add_dx);
    m = dli_arena_mark(&c->step);
    if (dw) j.dw = (dl_real *)dl_alloc(c, (size_t)(blocks * n) * sizeof *dw);
    if (db) j.db = (dl_real *)dl_alloc(c, (size_t)(blocks * n) * sizeof *db);
    j.g = y->grad;
    if (!c->failed) {
        dli_parallel_if(c, y->size >= DLI_PAR_WORK, blocks, dli_layer_backward_task, &j);
        for (k = 1; k < blocks; k++) {
            if (dw) c->k->add(j.dw, j.dw + k * n, n);
            if (db) c->k->add(j.db, j.db + k * n, n);
        }
        if (dw && add_w) c->k->add(dw, j.dw, n); else if (dw) memcpy(dw, j.dw, (size_t)n * sizeof *dw);
        if (db && add_b) c->k->add(db, j.db, n); else if (db) memcpy(db, j.db, (size_t)n * sizeof *db);
    }
    dli_arena_release(&c->step, m);
}
static const dl_op dli_layer_norm_op = { "layer_norm", dli_shape_of_x, dli_layer_forward, dli_layer_backward };
static const dl_op dli_rms_norm_op   = { "rms_norm",   dli_shape_of_x, dli_layer_forward, dli_layer_backward };

static dl_tensor *dli_layer_norm(dl_ctx *c, const dl_op *op, dl_tensor *x, dl_shape shape, dl_tensor *weight, dl_tensor *bias, double eps)
{
    dl_tensor *src[3];
    dli_layer_args a;
    int n = 1, k = dli_shape_rank(shape.d), d, same;
    if (!dli_check(c, op->name, "x", x, DL_REAL) || !dli_norm_eps(c, op->name, eps)) return DLI_NIL;
    a.n = 1;
    a.rms = op == &dli_rms_norm_op;
    a.eps = eps;
    same = k > 0 && k <= x->ndim;
    for (d = 0; d < k && same; d++) {
        same = shape.d[d] == x->shape[x->ndim - k + d];
        a.n *= shape.d[d];
    }
    if (!same) {
        dl_tensor like;
        like.ndim = k;
        memcpy(like.shape, shape.d, sizeof like.shape);
        return dl_fail(c, "%s: the last axes of x %t are not %t", op->name, x, &like);
    }
    src[0] = x;
    if (!dli_norm_source(c, op->name, "weight", weight, k, shape.d, src, &n, &a.w) ||
        !dli_norm_source(c, op->name, "bias", bias, k, shape.d, src, &n, &a.b)) return DLI_NIL;
    return dl_apply(c, op, n, src, &a, sizeof a);
}
DL_DEF dl_tensor *dl_layer_norm_with(dl_ctx *c, dl_tensor *x, dl_shape shape, dl_tensor *weight, dl_tensor *bias, dl_layer_norm_opts o)
{
    return dli_layer_norm(c, &dli_layer_norm_op, x, shape, weight, bias, (double)dli_or_real(o.eps, 1e-5));
}
DL_DEF dl_tensor *dl_rms_norm_with(dl_ctx *c, dl_tensor *x, dl_shape shape, dl_tensor *weight, dl_rms_norm_opts o)
{
    double eps = sizeof(dl_real) == 8 ? 2.220446049250313e-16 : 1.1920928955078125e-7;
    return dli_layer_norm(c, &dli_rms_norm_op, x, shape, weight, NULL, (double)dli_or_real(o.eps, eps));
}

/* --- local response normalisation: x as (N, C, S), window j: c - size / 2 .. c + (size - 1) / 2 --------------------------
       s_c = k + a sum_j x_j^2,  a = alpha / size or alpha,  y_c = x_c s_c^-beta
       dx_c = g_c s_c^-beta - 2 a beta x_c sum of g_j y_j / s_j over the windows j with c in them */
typedef struct { int64_t size, C, S; dl_real a, beta, k; } dli_lrn_args;
typedef struct { const dl_ctx *c; const dli_lrn_args *o; int64_t chunks; const dl_real *x, *g; dl_real *y, *s, *dx; int add; } dli_lrn_job;

static void dli_map1(dli_map *f, dl_real *out, const dl_real *x, dl_real p, int64_t n)
{
    dl_real s[2];
    s[0] = p; s[1] = 0;
    f(out, &x, n, s);
}
static void dli_map2(dli_map *f, dl_real *out, const dl_real *a, const dl_real *b, int64_t n)
{
    const dl_real *in[2];
    in[0] = a; in[1] = b;
    f(out, in, n, NULL);
}

/* A task: at most DLI_CHUNK positions of one sample, all channels. */
static void dli_lrn_forward_task(void *arg, int64_t task, int worker)
{
    const dli_lrn_job *j = (const dli_lrn_job *)arg;
    const dli_lrn_args *o = j->o;
    const dli_kernels *f = j->c->k;
    int64_t first = task % j->chunks * DLI_CHUNK, n = dli_min64(DLI_CHUNK, o->S - first), ch, i;
    int64_t base = task / j->chunks * o->C * o->S + first;
    dl_real sum[DLI_CHUNK], t[DLI_CHUNK];
    (void)worker;
    for (ch = 0; ch < o->C; ch++) {
        int64_t at = base + ch * o->S;
        memset(sum, 0, sizeof sum);
        for (i = dli_max64(0, ch - o->size / 2); i <= dli_min64(o->C - 1, ch + (o->size - 1) / 2); i++) {
            dli_map2(f->f_mul, t, j->x + base + i * o->S, j->x + base + i * o->S, n);
            f->add(sum, t, n);
        }
        dli_map1(f->f_mul_scalar, t, sum, o->a, n);
        dli_map1(f->f_add_scalar, j->s + at, t, o->k, n);
        dli_map1(f->f_pow_scalar, t, j->s + at, -o->beta, n);
        dli_map2(f->f_mul, j->y + at, j->x + at, t, n);
    }
}
static void dli_lrn_backward_task(void *arg, int64_t task, int worker)
{
    const dli_lrn_job *j = (const dli_lrn_job *)arg;
    const dli_lrn_args *o = j->o;
    const dli_kernels *f = j->c->k;
    int64_t first = task % j->chunks * DLI_CHUNK, n = dli_min64(DLI_CHUNK, o->S - first), ch, i;
    int64_t base = task / j->chunks * o->C * o->S + first;
    dl_real sum[DLI_CHUNK], t[DLI_CHUNK], u[DLI_CHUNK];
    (void)worker;
    for (ch = 0; ch < o->C; ch++) {
        int64_t at = base + ch * o->S;
        memset(sum, 0, sizeof sum);
        for (i = dli_max64(0, ch - (o->size - 1) / 2); i <= dli_min64(o->C - 1, ch + o->size / 2); i++) {
            int64_t from = base + i * o->S;
            dli_map2(f->f_mul, t, j->g + from, j->y + from, n);
            dli_map2(f->f_div, u, t, j->s + from, n);
            f->add(sum, u, n);
        }
        dli_map2(f->f_mul, t, sum, j->x + at, n);
        dli_map1(f->f_mul_scalar, u, t, -2 * o->a * o->beta, n);
        dli_map1(f->f_pow_scalar, t, j->s + at, -o->beta, n);
        dli_map2(f->f_mul, sum, j->g + at, t, n);
        if (j->add) { f->add(j->dx + at, u, n); f->add(j->dx + at, sum, n); }
        else dli_map2(f->f_add, j->dx + at, u, sum, n);
    }
}
static void dli_lrn_run(dl_ctx *c, dl_tensor *y, dli_task *task, dl_real *dx, int add)
{
    const dli_lrn_args *o = (const dli_lrn_args *)y->opts;
    dli_lrn_job j;
    j.c = c; j.o = o; j.x = y->src[0]->data; j.g = y->grad; j.y = y->data; j.s = (dl_real *)y->saved; j.dx = dx; j.add = add;
    j.chunks = (o->S + DLI_CHUNK - 1) / DLI_CHUNK;
    dli_parallel_if(c, y->size >= DLI_PAR_WORK / 8, y->size / (o->C * o->S) * j.chunks, task, &j);
}
static void dli_lrn_forward(dl_ctx *c, dl_tensor *y)
{
    y->saved = dl_alloc(c, (size_t)y->size * sizeof(dl_real));
    if (y->saved) dli_lrn_run(c, y, dli_lrn_forward_task, NULL, 0);
}
static void dli_lrn_backward(dl_ctx *c, dl_tensor *y)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx) dli_lrn_run(c, y, dli_lrn_backward_task, dx, add);
}
static const dl_op dli_lrn_op = { "local_response_norm", dli_shape_of_x, dli_lrn_forward, dli_lrn_backward };
DL_DEF dl_tensor *dl_local_response_norm_with(dl_ctx *c, dl_tensor *x, int64_t size, dl_local_response_norm_opts o)
{
    dli_lrn_args a;
    if (!dli_check(c, "local_response_norm", "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim < 2) return dl_fail(c, "local_response_norm: x %t, expected (N, C) or (N, C, ..)", x);
    if (size < 1) return dl_fail(c, "local_response_norm: size is %l, expected at least 1", size);
    a.C = x->shape[1];
    a.S = x->size / (x->shape[0] * a.C);
    a.a = dli_or_real(o.alpha, 1e-4);
    if (!o.sum) a.a /= (dl_real)size;
    a.size = dli_min64(size, 2 * a.C + 1);               /* wider windows hold the same channels */
    a.beta = dli_or_real(o.beta, 0.75);
    a.k = dli_or_real(o.k, 1);
    return dl_apply(c, &dli_lrn_op, 1, &x, &a, sizeof a);
}

/* --- modules ------------------------------------------------------------------------------------------------------------ */
static dl_tensor *dli_norm_param(dl_ctx *c, dl_module *m, const char *name, int ndim, const int64_t *shape, dl_real value, int is_buffer)
{
    dl_tensor *t = dli_module_tensor(c, m, name, ndim, shape, is_buffer);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = value;
    return t;
}

typedef struct {
    dl_module  base;
    int        least, most;                  /* axes of x             */
    dl_tensor *weight, *bias, *mean, *var, *batches;
    dl_real    eps, momentum;
    int        cumulative;
} dli_nn_batchnorm;

static dl_tensor *dli_nn_batchnorm_run(dl_ctx *c, dl_module *self, dl_tensor *x, dl_activation activation, dl_tensor *residual)
{
    dli_nn_batchnorm *m = (dli_nn_batchnorm *)self;
    dl_batch_norm_opts o;
    dl_tensor *y;
    if (!dli_check(c, self->type->name, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim < m->least || x->ndim > m->most)
        return dl_fail(c, "%s: x %t has %d axes, expected %s", self->type->name, x, x->ndim,
                       m->most == 3 ? "(N, C) or (N, C, L)" : m->most == 4 ? "(N, C, H, W)" : "(N, C, D, H, W)");
    o.eps = m->eps; o.momentum = m->momentum; o.activation = activation; o.residual = residual; o.end_ = 0;
    if (m->cumulative && m->batches) o.momentum = 1 / (m->batches->data[0] + 1);
    y = dl_batch_norm_with(c, x, m->mean, m->var, m->weight, m->bias, o);
    if (m->batches && c->training && !c->failed) m->batches->data[0] += 1;
    return y;
}
static dl_tensor *dli_nn_batchnorm_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dli_nn_batchnorm_run(c, self, x, DL_LINEAR, NULL);
}
static int dli_nn_batchnorm_fuse(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x)
{
    dl_activation f = n > 1 ? dli_activation_of(run[1]) : DL_LINEAR;
    if (f == DL_LINEAR) return 0;
    *x = dli_nn_batchnorm_run(c, run[0], *x, f, NULL);
    return 2;
}
static const dl_module_type dli_nn_batchnorm1d_type = { "batchnorm1d", sizeof(dli_nn_batchnorm), dli_nn_batchnorm_forward };
static const dl_module_type dli_nn_batchnorm2d_type = { "batchnorm2d", sizeof(dli_nn_batchnorm), dli_nn_batchnorm_forward };
static const dl_module_type dli_nn_batchnorm3d_type = { "batchnorm3d", sizeof(dli_nn_batchnorm), dli_nn_batchnorm_forward };

static dl_module *dli_nn_batchnorm_create(dl_ctx *c, const dl_module_type *type, int least, int most, int64_t channels,
                                          dl_nn_batchnorm1d_opts o)
{
    dli_nn_batchnorm *m = (dli_nn_batchnorm *)dl_module_create(c, type);
    if (!c || c->failed) return &m->base;
    m->base.fuse = dli_nn_batchnorm_fuse;
    m->least = least;
    m->most = most;
    m->eps = o.eps;
    m->momentum = o.momentum;
    m->cumulative = o.cumulative;
    if (!o.no_affine) {
        m->weight = dli_norm_param(c, &m->base, "weight", 1, &channels, 1, 0);
        m->bias = dli_norm_param(c, &m->base, "bias", 1, &channels, 0, 0);
    }
    if (!o.no_track) {
        m->mean = dli_norm_param(c, &m->base, "running_mean", 1, &channels, 0, 1);
        m->var = dli_norm_param(c, &m->base, "running_var", 1, &channels, 1, 1);
        m->batches = dli_norm_param(c, &m->base, "num_batches_tracked", 0, NULL, 0, 1);
    }
    if (channels < 1) dl_fail(c, "%s: %l channels", type->name, channels);
    return c->failed ? dli_nil_module(c) : &m->base;
}
DL_DEF dl_module *dl_nn_batchnorm1d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm1d_opts o)
{ return dli_nn_batchnorm_create(c, &dli_nn_batchnorm1d_type, 2, 3, channels, o); }
DL_DEF dl_module *dl_nn_batchnorm2d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm2d_opts o)
{ return dli_nn_batchnorm_create(c, &dli_nn_batchnorm2d_type, 4, 4, channels, o); }
DL_DEF dl_module *dl_nn_batchnorm3d_with(dl_ctx *c, int64_t channels, dl_nn_batchnorm3d_opts o)
{ return dli_nn_batchnorm_create(c, &dli_nn_batchnorm3d_type, 5, 5, channels, o); }

static int dli_is_batchnorm(const dl_module *m) { return m->type->forward == dli_nn_batchnorm_forward; }

DL_DEF dl_tensor *dl_batchnorm_forward_with(dl_ctx *c, dl_module *m, dl_tensor *x, dl_batchnorm_forward_opts o)
{
    if (!dli_check_module(c, "batchnorm_forward", m)) return DLI_NIL;
    if (!dli_is_batchnorm(m)) return dl_fail(c, "batchnorm_forward: the module is a %s", m->type->name);
    return dli_nn_batchnorm_run(c, m, x, o.activation, o.residual);
}

DL_DEF int dl_fuse_conv_bn_weights(dl_ctx *c, dl_tensor *w, dl_tensor *b, dl_tensor *running_mean, dl_tensor *running_var, dl_real eps,
                                   dl_tensor *norm_weight, dl_tensor *norm_bias, dl_tensor **fused_w, dl_tensor **fused_b)
{
    static const char who[] = "fuse_conv_bn_weights";
    dl_tensor *list[5], *fw, *fb;
    int64_t k, K, n;
    int count = 0, at;
    double e = (double)dli_or_real(eps, 1e-5);
    if (!dli_check(c, who, "w", w, DL_REAL) || !dli_norm_eps(c, who, e)) return 0;
    if (!fused_w || !fused_b || w->ndim < 1) { dl_fail(c, "%s: w %t has no axis, or there is nowhere to put results", who, w); return 0; }
    K = w->shape[0];
    n = w->size / K;
    if (!dli_norm_source(c, who, "running_mean", running_mean ? running_mean : DLI_NIL, 1, &K, list, &count, &at) ||
        !dli_norm_source(c, who, "running_var", running_var ? running_var : DLI_NIL, 1, &K, list, &count, &at) ||
        !dli_norm_source(c, who, "norm_weight", norm_weight, 1, &K, list, &count, &at) ||
        !dli_norm_source(c, who, "norm_bias", norm_bias, 1, &K, list, &count, &at) ||
        !dli_norm_source(c, who, "b", b, 1, &K, list, &count, &at)) return 0;
    fw = dli_leaf(c, who, DL_REAL, w->ndim, w->shape, 0);
    fb = dli_leaf(c, who, DL_REAL, 1, &K, 0);
    if (c->failed) return 0;
    memcpy(fw->data, w->data, (size_t)w->size * sizeof *w->data);
    for (k = 0; k < K; k++) {
        double a = (norm_weight ? (double)norm_weight->data[k] : 1) / dli_sqrt64((double)running_var->data[k] + e);
        c->k->scale(fw->data + k * n, (dl_real)a, n);
        fb->data[k] = (dl_real)(((b ? (double)b->data[k] : 0) - (double)running_mean->data[k]) * a + (norm_bias ? (double)norm_bias->data[k] : 0));
    }
    *fused_w = fw;
    *fused_b = fb;
    return 1;
}

/* Declared before the modules that call it, see there. */
static int dli_fold_norm(dl_ctx *c, dl_module *const *run, int n, const dl_tensor *x, dl_tensor **w, dl_tensor **b)
{
    const dli_nn_batchnorm *m = n > 1 && dli_is_batchnorm(run[1]) ? (const dli_nn_batchnorm *)run[1] : NULL;
    if (!m || !m->mean || c->training || c->grad_enabled || dl_is_nil(x)) return 0;
    if (x->ndim < m->least || x->ndim > m->most || (*w)->shape[0] != m->mean->size || (*w)->size > x->size) return 0;
    return dl_fuse_conv_bn_weights(c, *w, *b, m->mean, m->var, m->eps, m->weight, m->bias, w, b);
}

typedef struct { dl_module base; dl_tensor *weight, *bias; dl_shape shape; dl_real eps; } dli_nn_layernorm;
static dl_tensor *dli_nn_layernorm_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_nn_layernorm *m = (const dli_nn_layernorm *)self;
    dl_layer_norm_opts o;
    o.eps = m->eps; o.end_ = 0;
    return dl_layer_norm_with(c, x, m->shape, m->weight, m->bias, o);
}
static dl_tensor *dli_nn_rmsnorm_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_nn_layernorm *m = (const dli_nn_layernorm *)self;
    dl_rms_norm_opts o;
    o.eps = m->eps; o.end_ = 0;
    return dl_rms_norm_with(c, x, m->shape, m->weight, o);
}
static const dl_module_type dli_nn_layernorm_type = { "layernorm", sizeof(dli_nn_layernorm), dli_nn_layernorm_forward };
static const dl_module_type dli_nn_rmsnorm_type = { "rmsnorm", sizeof(dli_nn_layernorm), dli_nn_rmsnorm_forward };
static dl_module *dli_nn_layernorm_create(dl_ctx *c, const dl_module_type *type, dl_shape shape, dl_nn_layernorm_opts o)
{
    dli_nn_layernorm *m = (dli_nn_layernorm *)dl_module_create(c, type);
    int n = dli_shape_rank(shape.d);
    if (!c || c->failed) return &m->base;
    m->shape = shape;
    m->eps = o.eps;
    if (!n) dl_fail(c, "%s: the shape is empty", type->name);
    if (!o.no_affine)              m->weight = dli_norm_param(c, &m->base, "weight", n, shape.d, 1, 0);
    if (!o.no_affine && !o.no_bias) m->bias = dli_norm_param(c, &m->base, "bias", n, shape.d, 0, 0);
    return c->failed ? dli_nil_module(c) : &m->base;
}
DL_DEF dl_module *dl_nn_layernorm_with(dl_ctx *c, dl_shape shape, dl_nn_layernorm_opts o)
{
    return dli_nn_layernorm_create(c, &dli_nn_layernorm_type, shape, o);
}
DL_DEF dl_module *dl_nn_rmsnorm_with(dl_ctx *c, dl_shape shape, dl_nn_rmsnorm_opts o)
{
    o.no_bias = 1;
    return dli_nn_layernorm_create(c, &dli_nn_rmsnorm_type, shape, o);
}

typedef struct { dl_module base; dl_tensor *weight, *bias; int64_t groups, channels; int ndim; dl_real eps; } dli_nn_groupnorm;
static dl_tensor *dli_nn_groupnorm_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_nn_groupnorm *m = (const dli_nn_groupnorm *)self;
    dl_group_norm_opts o;
    o.eps = m->eps; o.end_ = 0;
    if (!dli_check(c, self->type->name, "x", x, DL_REAL)) return DLI_NIL;
    if (x->ndim < 2 || x->shape[1] != m->channels || (m->ndim && x->ndim != m->ndim))
        return dl_fail(c, "%s: x %t, expected (N, %l%s)", self->type->name, x, m->channels,
                       !m->ndim ? ", .." : m->ndim == 3 ? ", L" : m->ndim == 4 ? ", H, W" : ", D, H, W");
    return m->ndim ? dl_instance_norm_with(c, x, m->weight, m->bias, o) : dl_group_norm_with(c, x, m->groups, m->weight, m->bias, o);
}
static const dl_module_type dli_nn_groupnorm_type = { "groupnorm", sizeof(dli_nn_groupnorm), dli_nn_groupnorm_forward };
static const dl_module_type dli_nn_instancenorm1d_type = { "instancenorm1d", sizeof(dli_nn_groupnorm), dli_nn_groupnorm_forward };
static const dl_module_type dli_nn_instancenorm2d_type = { "instancenorm2d", sizeof(dli_nn_groupnorm), dli_nn_groupnorm_forward };
static const dl_module_type dli_nn_instancenorm3d_type = { "instancenorm3d", sizeof(dli_nn_groupnorm), dli_nn_groupnorm_forward };
static dl_module *dli_nn_groupnorm_create(dl_ctx *c, const dl_module_type *type, int ndim, int64_t groups, int64_t channels, dl_real eps,
                                          int affine, int with_bias)
{
    dli_nn_groupnorm *m = (dli_nn_groupnorm *)dl_module_create(c, type);
    if (!c || c->failed) return &m->base;
    m->groups = groups;
    m->channels = channels;
    m->ndim = ndim;
    m->eps = eps;
    if (channels < 1 || groups < 1 || channels % groups)
        dl_fail(c, "%s: %l groups do not divide %l channels", type->name, groups, channels);
    if (affine)              m->weight = dli_norm_param(c, &m->base, "weight", 1, &channels, 1, 0);
    if (affine && with_bias) m->bias = dli_norm_param(c, &m->base, "bias", 1, &channels, 0, 0);
    return c->failed ? dli_nil_module(c) : &m->base;
}
DL_DEF dl_module *dl_nn_groupnorm_with(dl_ctx *c, int64_t groups, int64_t channels, dl_nn_groupnorm_opts o)
{ return dli_nn_groupnorm_create(c, &dli_nn_groupnorm_type, 0, groups, channels, o.eps, !o.no_affine, !o.no_bias); }
DL_DEF dl_module *dl_nn_instancenorm1d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm1d_opts o)
{ return dli_nn_groupnorm_create(c, &dli_nn_instancenorm1d_type, 3, channels, channels, o.eps, o.affine, 1); }
DL_DEF dl_module *dl_nn_instancenorm2d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm2d_opts o)
{ return dli_nn_groupnorm_create(c, &dli_nn_instancenorm2d_type, 4, channels, channels, o.eps, o.affine, 1); }
DL_DEF dl_module *dl_nn_instancenorm3d_with(dl_ctx *c, int64_t channels, dl_nn_instancenorm3d_opts o)
{ return dli_nn_groupnorm_create(c, &dli_nn_instancenorm3d_type, 5, channels, channels, o.eps, o.affine, 1); }

typedef struct { dl_module base; int64_t size; dl_local_response_norm_opts o; } dli_nn_lrn;
static dl_tensor *dli_nn_lrn_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dl_local_response_norm_with(c, x, ((dli_nn_lrn *)self)->size, ((dli_nn_lrn *)self)->o);
}
static const dl_module_type dli_nn_lrn_type = { "local_response_norm", sizeof(dli_nn_lrn), dli_nn_lrn_forward };
DL_DEF dl_module *dl_nn_local_response_norm_with(dl_ctx *c, int64_t size, dl_nn_local_response_norm_opts o)
{
    dli_nn_lrn *m = (dli_nn_lrn *)dl_module_create(c, &dli_nn_lrn_type);
    if (!c || c->failed) return &m->base;
    if (size < 1) { dl_fail(c, "local_response_norm: size is %l, expected at least 1", size); return dli_nil_module(c); }
    m->size = size;
    m->o = o;
    return &m->base;
}

/* --- weights computed from other parameters -----------------------------------------------------------------------------
   The module gets a type of its own.  Its forward runs the original one on a copy of the struct, in which the field that held
   the parameter holds the computed weight: the module itself is only read, by as many threads as like. */
typedef struct {
    dl_module_type        type;
    const dl_module_type *inner;
    size_t                field;             /* where in the struct the weight is   */
    dl_tensor            *v, *g, *u, *z;     /* spectral norm: no g; else no u, z    */
    int                   dim, steps;
    dl_real               eps;
} dli_weight_type;

/* v as a matrix whose rows are axis dim */
static dl_tensor *dli_weight_matrix(dl_ctx *c, const dli_weight_type *t)
{
    dl_shape shape = {{0}};
    dl_order order = {{0}};
    dl_tensor *v = t->v;
    int d;
    order.d[0] = t->dim;
    for (d = 1; d < v->ndim; d++) order.d[d] = d <= t->dim ? d - 1 : d;
    shape.d[0] = v->shape[t->dim];
    shape.d[1] = v->size / v->shape[t->dim];
    return dl_reshape(c, t->dim ? dl_permute(c, v, order) : v, shape);
}

/* y = m x / norm, or m^T x;  norm at least eps */
static void dli_power_step(const dl_ctx *c, const dl_tensor *m, int transposed, const dl_real *x, dl_tensor *y, dl_real eps)
{
    int64_t rows = m->shape[0], n = m->shape[1], i;
    double norm;
    if (transposed) memset(y->data, 0, (size_t)n * sizeof *y->data);
    for (i = 0; i < rows; i++)
        if (transposed) c->k->axpy(y->data, x[i], m->data + i * n, n);
        else            y->data[i] = c->k->dot(m->data + i * n, x, n);
    norm = dli_sqrt64((double)c->k->dot(y->data, y->data, y->size));
    c->k->scale(y->data, (dl_real)(1 / (norm > (double)eps ? norm : (double)eps)), y->size);
}
static void dli_power_method(const dl_ctx *c, const dli_weight_type *t, const dl_tensor *m, int steps)
{
    for (; steps > 0; steps--) {
        dli_power_step(c, m, 0, t->z->data, t->u, t->eps);
        dli_power_step(c, m, 1, t->u->data, t->z, t->eps);
    }
}

static dl_tensor *dli_computed_weight(dl_ctx *c, const dli_weight_type *t)
{
    dl_tensor *m, *u, *z;
    dl_reduce_opts all = {0, 0, 0};
    dl_matmul_opts plain = {0, 0, 0};
    dl_shape rows = {{0}}, columns = {{0}};
    if (t->g) {
        dl_norm_opts o = {0, 1, 2, 0};
        o.dims = ((1u << t->v->ndim) - 1) & ~(1u << t->dim);
        return dl_mul(c, t->v, dl_div(c, t->g, dl_norm_with(c, t->v, o)));
    }
    m = dli_weight_matrix(c, t);
    if (c->failed) return DLI_NIL;
    if (c->training) dli_power_method(c, t, m, t->steps);
    rows.d[0] = m->shape[0];
    columns.d[0] = m->shape[1];
    u = dl_tensor_from(c, t->u->data, rows);                 /* copies: the next forward changes them before backward reads */
    z = dl_tensor_from(c, t->z->data, columns);
    return dl_div(c, t->v, dl_sum_with(c, dl_mul(c, u, dl_matmul_with(c, m, z, plain)), all));
}

static dl_tensor *dli_weight_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_weight_type *t = (const dli_weight_type *)(const void *)self->type;
    dl_tensor *w = dli_computed_weight(c, t);
    dl_module *copy = c->failed ? NULL : (dl_module *)dl_alloc(c, t->inner->size);
    if (!copy) return DLI_NIL;
    memcpy(copy, self, t->inner->size);
    memcpy((char *)copy + t->field, &w, sizeof w);
    copy->type = t->inner;
    return t->inner->forward(c, copy, x);
}

static const dl_module_type dli_nn_parametrization_type = { "parametrization", sizeof(dl_module), NULL };

/* Takes "weight" out of m; returns what is to be filled in, with v set, and the node for the new parameters; NULL: error. */
static dli_weight_type *dli_reparametrize(dl_ctx *c, const char *who, dl_module *m, int dim, dl_module **node)
{
    dli_weight_type *t;
    int i = 0;
    if (!dli_check_module(c, who, m)) return NULL;
    while (i < m->nparams && strcmp(m->params[i].name, "weight")) i++;
    if (i == m->nparams || m->params[i].tensor->ndim < 2 || !m->type->forward) {
        dl_fail(c, "%s: the %s has no parameter \"weight\" with two axes or more", who, m->type->name);
        return NULL;
    }
    t = (dli_weight_type *)dl_alloc_keep(c, sizeof *t);
    if (!t) return NULL;
    t->v = m->params[i].tensor;
    for (t->field = sizeof *m; t->field + sizeof t->v <= m->type->size; t->field += sizeof t->v)
        if (!memcmp((char *)m + t->field, &t->v, sizeof t->v)) break;
    if (t->field + sizeof t->v > m->type->size) {
        dl_fail(c, "%s: the struct of the %s does not hold its weight", who, m->type->name);
        return NULL;
    }
    t->dim = dli_axis(c, who, t->v, dim, t->v->ndim);
    if (t->dim < 0) return NULL;
    *node = dl_module_add(c, m, "parametrizations", dl_module_create(c, &dli_nn_parametrization_type));
    *node = dl_module_add(c, *node, "weight", dl_module_create(c, &dli_nn_parametrization_type));
    if (c->failed) return NULL;
    for (m->nparams--; i < m->nparams; i++) m->params[i] = m->params[i + 1];
    t->inner = m->type;
    t->type = *m->type;
    t->type.forward = dli_weight_forward;
    m->type = &t->type;
    m->fuse = NULL;                                         /* would read the old weight */
    return t;
}

/* The tensor t as a parameter of m under a name. */
static void dli_adopt_param(dl_ctx *c, dl_module *m, const char *name, dl_tensor *t)
{
    dl_param *params = (dl_param *)dli_grow(c, m->params, m->nparams, sizeof *params);
    if (!params) return;
    m->params = params;
    params[m->nparams].name = name;
    params[m->nparams].tensor = t;
    params[m->nparams++].is_buffer = 0;
}

DL_DEF dl_module *dl_nn_weight_norm_with(dl_ctx *c, dl_module *m, dl_nn_weight_norm_opts o)
{
    dl_module *node;
    dli_weight_type *t = dli_reparametrize(c, "nn_weight_norm", m, o.dim, &node);
    dl_norm_opts n = {0, 1, 2, 0};
    int64_t shape[DL_MAX_DIMS];
    dli_mark mark;
    int d;
    if (!t) return dli_nil_module(c);
    mark = dli_arena_mark(&c->step);
    for (d = 0; d < t->v->ndim; d++) shape[d] = d == t->dim ? t->v->shape[d] : 1;
    n.dims = ((1u << t->v->ndim) - 1) & ~(1u << t->dim);
    t->g = dli_module_tensor(c, node, "original0", t->v->ndim, shape, 0);
    dli_adopt_param(c, node, "original1", t->v);
    if (!c->failed) {
        int old = dl_set_grad_enabled(c, 0);
        dl_tensor *norm = dl_norm_with(c, t->v, n);
        dl_set_grad_enabled(c, old);
        if (!c->failed) memcpy(t->g->data, norm->data, (size_t)norm->size * sizeof *norm->data);
    }
    dli_arena_release(&c->step, mark);
    return c->failed ? dli_nil_module(c) : m;
}

DL_DEF dl_module *dl_nn_spectral_norm_with(dl_ctx *c, dl_module *m, dl_nn_spectral_norm_opts o)
{
    dl_module *node, *buffers;
    dli_weight_type *t;
    int64_t rows, columns;
    dli_mark mark;
    o.power_iterations = dli_or(o.power_iterations, 1);
    o.eps = dli_or_real(o.eps, 1e-12);
    if (o.power_iterations < 0 || !(o.eps >= 0)) {
        dl_fail(c, "nn_spectral_norm: %d power iterations and eps %g, expected positive numbers", o.power_iterations, (double)o.eps);
        return dli_nil_module(c);
    }
    t = dli_reparametrize(c, "nn_spectral_norm", m, o.dim, &node);
    if (!t) return dli_nil_module(c);
    t->steps = o.power_iterations;
    t->eps = o.eps;
    rows = t->v->shape[t->dim];
    columns = t->v->size / rows;
    dli_adopt_param(c, node, "original", t->v);
    buffers = dl_module_add(c, node, "0", dl_module_create(c, &dli_nn_parametrization_type));
    t->u = dli_module_tensor(c, buffers, "_u", 1, &rows, 1);
    t->z = dli_module_tensor(c, buffers, "_v", 1, &columns, 1);
    if (c->failed) return dli_nil_module(c);
    dl_init_normal(c, t->u, 0, 1);
    dl_init_normal(c, t->z, 0, 1);
    mark = dli_arena_mark(&c->step);
    {
        int old = dl_set_grad_enabled(c, 0);
        dl_tensor *matrix = dli_weight_matrix(c, t);
        dl_set_grad_enabled(c, old);
        if (!c->failed) dli_power_method(c, t, matrix, 15);
    }
    dli_arena_release(&c->step, mark);
    return c->failed ? dli_nil_module(c) : m;
}

/* ================================================================================================
   >>files       reading: every number in a file is checked against the file's length before it counts
   ================================================================================================ */
#ifndef DL_NO_STDIO
#include <errno.h>
#define DLI_PATH_SIZE 1024

typedef struct {
    FILE       *file;                   /* NULL: closed                                        */
    const char *who, *path;             /* for messages                                        */
    int64_t     length, at;             /* bytes in all, bytes read so far                     */
} dli_file;

static void dli_file_close(dli_file *f)
{
    if (f->file) fclose(f->file);
    f->file = NULL;
}

/* check: the name of what went wrong; at: the byte; so many of `what` were expected. */
static int dli_file_fail(dl_ctx *c, dli_file *f, const char *check, int64_t at, const char *what, int64_t expected, int64_t found)
{
    dl_fail(c, "%s: \"%s\": %s at byte %l: %s: %l expected, %l found", f->who, f->path, check, at, what, expected, found);
    dli_file_close(f);
    return 0;
}

/* The same where a sentence says it all. */
static int dli_file_fail_text(dl_ctx *c, dli_file *f, const char *text)
{
    dl_fail(c, "%s: \"%s\": %s", f->who, f->path, text);
    dli_file_close(f);
    return 0;
}

static int dli_file_open(dl_ctx *c, dli_file *f, const char *who, const char *path)
{
    memset(f, 0, sizeof *f);
    f->who = who;
    f->path = path ? path : "";
    if (!c || c->failed) return 0;
    if (!path) return dli_file_fail_text(c, f, "cannot open it: the path is NULL");
    f->file = fopen(path, "rb");
    if (!f->file) { dl_fail(c, "%s: \"%s\": cannot open it: %s", who, path, strerror(errno)); return 0; }
    f->length = fseek(f->file, 0, SEEK_END) == 0 ? (int64_t)ftell(f->file) : -1;
    if (f->length < 0 || f->length == LONG_MAX || fseek(f->file, 0, SEEK_SET) != 0)
        return dli_file_fail_text(c, f, "it has no length: a folder or a pipe");
    return 1;
}

/* The next n bytes; check is the name of the fault if they are not there. */
static int dli_file_read(dl_ctx *c, dli_file *f, void *p, int64_t n, const char *check)
{
    size_t got;
    if (n > f->length - f->at) return dli_file_fail(c, f, check, f->at, "bytes", n, f->length - f->at);
    got = fread(p, 1, (size_t)n, f->file);
    if (got != (size_t)n) return dli_file_fail(c, f, check, f->at, "bytes", n, (int64_t)got);
    f->at += n;
    return 1;
}

/* path = folder/name */
static int dli_path_join(dl_ctx *c, const char *who, char *path, const char *folder, const char *name)
{
    dli_text text;
    text.p = path; text.left = DLI_PATH_SIZE;
    dli_put(&text, folder);
    dli_put(&text, "/");
    dli_put(&text, name);
    if (text.left > 1) return 1;
    dl_fail(c, "%s: the path %s is too long", who, path);
    return 0;
}
#endif

/* ================================================================================================
   >>detection   boxes, anchors, regions of interest, detectors' losses, metrics
   ================================================================================================ */

/* --- boxes: compositions over columns (N, 1), so that everything about them has a gradient ---------------- */
static int dli_check_boxes(dl_ctx *c, const char *who, const char *what, const dl_tensor *x, int64_t columns)
{
    if (!dli_check(c, who, what, x, DL_REAL)) return 0;
    if (x->ndim != 2 || x->shape[1] != columns) dl_fail(c, "%s: %s %t, expected (N, %l)", who, what, x, columns);
    return !c->failed;
}

typedef struct { dl_tensor *v[4]; } dli_corners;             /* x1, y1, x2, y2, or centre and size */

/* The columns of boxes, (N, 1), or rows (1, N). */
static dli_corners dli_columns(dl_ctx *c, dl_tensor *boxes, int as_rows)
{
    dli_corners b;
    dl_slice_opts o;
    dl_shape row = {{1, -1}};
    int k;
    memset(&o, 0, sizeof o);
    for (k = 0; k < 4; k++) {
        b.v[k] = dl_slice_with(c, boxes, 1, k, k + 1, o);
        if (as_rows) b.v[k] = dl_reshape(c, b.v[k], row);
    }
    return b;
}
static dl_tensor *dli_from_columns(dl_ctx *c, dli_corners b) { return dl_cat(c, 4, b.v, 1); }

/* corners -> centre and size, and back */
static dli_corners dli_centred(dl_ctx *c, dli_corners b)
{
    dli_corners y;
    int k;
    for (k = 0; k < 2; k++) {
        y.v[k] = dl_mul_scalar(c, dl_add(c, b.v[k], b.v[k + 2]), DLI_C(0.5));
        y.v[k + 2] = dl_sub(c, b.v[k + 2], b.v[k]);
    }
    return y;
}
static dli_corners dli_cornered(dl_ctx *c, dli_corners b)
{
    dli_corners y;
    int k;
    for (k = 0; k < 2; k++) {
        dl_tensor *half = dl_mul_scalar(c, b.v[k + 2], DLI_C(0.5));
        y.v[k] = dl_sub(c, b.v[k], half);
        y.v[k + 2] = dl_add(c, b.v[k], half);
    }
    return y;
}

DL_DEF dl_tensor *dl_box_convert(dl_ctx *c, dl_tensor *boxes, dl_box_format from, dl_box_format to)
{
    dli_corners b;
    int k;
    if (!dli_check_boxes(c, "box_convert", "boxes", boxes, 4)) return DLI_NIL;
    if ((int)from < 0 || from > DL_CXCYWH || (int)to < 0 || to > DL_CXCYWH) return dl_fail(c, "box_convert: from format %d to %d", (int)from, (int)to);
    if (from == to) return boxes;
    b = dli_columns(c, boxes, 0);
    if (from == DL_CXCYWH) b = dli_cornered(c, b);
    if (from == DL_XYWH) for (k = 0; k < 2; k++) b.v[k + 2] = dl_add(c, b.v[k], b.v[k + 2]);
    if (to == DL_CXCYWH) b = dli_centred(c, b);
    if (to == DL_XYWH) for (k = 0; k < 2; k++) b.v[k + 2] = dl_sub(c, b.v[k + 2], b.v[k]);
    return dli_from_columns(c, b);
}

static dl_tensor *dli_area(dl_ctx *c, dli_corners b) { return dl_mul(c, dl_sub(c, b.v[2], b.v[0]), dl_sub(c, b.v[3], b.v[1])); }

DL_DEF dl_tensor *dl_box_area(dl_ctx *c, dl_tensor *boxes)
{
    if (!dli_check_boxes(c, "box_area", "boxes", boxes, 4)) return DLI_NIL;
    return dl_squeeze(c, dli_area(c, dli_columns(c, boxes, 0)), DL_DIM(1));
}

DL_DEF dl_tensor *dl_box_clip(dl_ctx *c, dl_tensor *boxes, double height, double width)
{
    dli_corners b;
    int k;
    if (!dli_check_boxes(c, "box_clip", "boxes", boxes, 4)) return DLI_NIL;
    if (!(height > 0 && width > 0)) return dl_fail(c, "box_clip: to %g x %g", height, width);
    b = dli_columns(c, boxes, 0);
    for (k = 0; k < 4; k++) b.v[k] = dl_clamp(c, b.v[k], 0, (dl_real)(k % 2 ? height : width));
    return dli_from_columns(c, b);
}

/* iou or giou of a and b, which broadcast */
static dl_tensor *dli_overlap(dl_ctx *c, dli_corners a, dli_corners b, int generalized, dl_real eps)
{
    dli_corners in, hull;
    dl_tensor *both, *either, *iou, *around;
    int k;
    for (k = 0; k < 2; k++) {
        in.v[k] = dl_maximum(c, a.v[k], b.v[k]);
        in.v[k + 2] = dl_minimum(c, a.v[k + 2], b.v[k + 2]);
    }
    both = dl_mul(c, dl_relu(c, dl_sub(c, in.v[2], in.v[0])), dl_relu(c, dl_sub(c, in.v[3], in.v[1])));
    either = dl_sub(c, dl_add(c, dli_area(c, a), dli_area(c, b)), both);
    iou = dl_div(c, both, eps > 0 ? dl_add_scalar(c, either, eps) : either);
    if (!generalized) return iou;
    for (k = 0; k < 2; k++) {
        hull.v[k] = dl_minimum(c, a.v[k], b.v[k]);
        hull.v[k + 2] = dl_maximum(c, a.v[k + 2], b.v[k + 2]);
    }
    around = dli_area(c, hull);
    return dl_sub(c, iou, dl_div(c, dl_sub(c, around, either), eps > 0 ? dl_add_scalar(c, around, eps) : around));
}
static dl_tensor *dli_all_pairs(dl_ctx *c, const char *who, dl_tensor *a, dl_tensor *b, int generalized)
{
    if (!dli_check_boxes(c, who, "a", a, 4) || !dli_check_boxes(c, who, "b", b, 4)) return DLI_NIL;
    return dli_overlap(c, dli_columns(c, a, 0), dli_columns(c, b, 1), generalized, 0);
}
DL_DEF dl_tensor *dl_box_iou(dl_ctx *c, dl_tensor *a, dl_tensor *b)  { return dli_all_pairs(c, "box_iou", a, b, 0); }
DL_DEF dl_tensor *dl_box_giou(dl_ctx *c, dl_tensor *a, dl_tensor *b) { return dli_all_pairs(c, "box_giou", a, b, 1); }
DL_DEF dl_tensor *dl_giou_loss_with(dl_ctx *c, dl_tensor *x, dl_tensor *target, dl_giou_loss_opts o)
{
    dl_tensor *giou;
    if (!dli_check_boxes(c, "giou_loss", "x", x, 4) || !dli_check_loss(c, "giou_loss", x, target, o.reduction)) return DLI_NIL;
    giou = dli_overlap(c, dli_columns(c, x, 0), dli_columns(c, target, 0), 1, DLI_C(1e-7));
    return dli_reduced(c, dl_rsub_scalar(c, dl_squeeze(c, giou, DL_DIM(1)), 1), o.reduction);
}

/* --- deltas ------------------------------------------------------------------------------------------------ */
static int dli_check_deltas(dl_ctx *c, const char *who, const char *what, const dl_tensor *x, const dl_tensor *anchors, const dl_real *weights)
{
    int64_t i;
    if (!dli_check_boxes(c, who, what, x, 4) || !dli_check_boxes(c, who, "anchors", anchors, 4)) return 0;
    if (x->size != anchors->size) { dl_fail(c, "%s: %s %t with anchors %t", who, what, x, anchors); return 0; }
    for (i = 0; i < anchors->size; i += 4)
        if (!(anchors->data[i + 2] > anchors->data[i] && anchors->data[i + 3] > anchors->data[i + 1])) {
            dl_fail(c, "%s: anchor %l has no area", who, i / 4);
            return 0;
        }
    for (i = 0; i < 4; i++) if (!(weights[i] >= 0)) { dl_fail(c, "%s: weight %g", who, (double)weights[i]); return 0; }
    return 1;
}
DL_DEF dl_tensor *dl_box_encode_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *anchors, dl_box_encode_opts o)
{
    dli_corners b, a;
    int k;
    if (!dli_check_deltas(c, "box_encode", "boxes", boxes, anchors, o.weights)) return DLI_NIL;
    b = dli_centred(c, dli_columns(c, boxes, 0));
    a = dli_centred(c, dli_columns(c, anchors, 0));
    for (k = 0; k < 4; k++) {
        b.v[k] = k < 2 ? dl_div(c, dl_sub(c, b.v[k], a.v[k]), a.v[k + 2]) : dl_log(c, dl_div(c, b.v[k], a.v[k]));
        if (o.weights[k] > 0) b.v[k] = dl_mul_scalar(c, b.v[k], o.weights[k]);
    }
    return dli_from_columns(c, b);
}
DL_DEF dl_tensor *dl_box_decode_with(dl_ctx *c, dl_tensor *deltas, dl_tensor *anchors, dl_box_decode_opts o)
{
    dli_corners d, a;
    int k;
    if (!dli_check_deltas(c, "box_decode", "deltas", deltas, anchors, o.weights)) return DLI_NIL;
    d = dli_columns(c, deltas, 0);
    a = dli_centred(c, dli_columns(c, anchors, 0));
    for (k = 0; k < 4; k++) {
        if (o.weights[k] > 0) d.v[k] = dl_div_scalar(c, d.v[k], o.weights[k]);
        if (k < 2) d.v[k] = dl_add(c, dl_mul(c, d.v[k], a.v[k + 2]), a.v[k]);
        else d.v[k] = dl_mul(c, dl_exp(c, dl_clamp(c, d.v[k], DLI_C(-1e30), DLI_C(4.1351665567423560))), a.v[k]);
    }
    return dli_from_columns(c, dli_cornered(c, d));
}

DL_DEF dl_tensor *dl_anchors_with(dl_ctx *c, int64_t height, int64_t width, dl_anchors_opts o)
{
    static const dl_real sizes[4] = {128, 256, 512, 0}, ratios[4] = {DLI_C(0.5), 1, 2, 0};
    int64_t shape[2], count[3], i, j;
    int ns = 0, nr = 0, s, r;
    dl_real *p;
    dl_tensor *y;
    if (o.sizes[0] == 0) memcpy(o.sizes, sizes, sizeof sizes);
    if (o.ratios[0] == 0) memcpy(o.ratios, ratios, sizeof ratios);
    if (o.stride == 0) o.stride = 16;
    for (; ns < 8 && o.sizes[ns] != 0; ns++)
        if (!(o.sizes[ns] > 0)) return dl_fail(c, "anchors: size %g, expected a positive number", (double)o.sizes[ns]);
    for (; nr < 8 && o.ratios[nr] != 0; nr++)
        if (!(o.ratios[nr] > 0)) return dl_fail(c, "anchors: ratio %g, expected a positive number", (double)o.ratios[nr]);
    if (!(o.stride > 0)) return dl_fail(c, "anchors: stride %g, expected a positive number", (double)o.stride);
    count[0] = height; count[1] = width; count[2] = ns * nr;
    shape[1] = 4;
    if (!c || c->failed || !dli_size(c, "anchors", 3, count, 4 * sizeof *p, &shape[0])) return DLI_NIL;
    y = dli_leaf(c, "anchors", DL_REAL, 2, shape, 0);
    if (dl_is_nil(y)) return y;
    for (p = y->data, i = 0; i < height; i++)
        for (j = 0; j < width; j++)
            for (r = 0; r < nr; r++)
                for (s = 0; s < ns; s++, p += 4) {
                    double tall = dli_sqrt64((double)o.ratios[r]), h = (double)o.sizes[s] * tall / 2, w = (double)o.sizes[s] / tall / 2;
                    double x0 = (double)((dl_real)j + o.offset) * (double)o.stride, y0 = (double)((dl_real)i + o.offset) * (double)o.stride;
                    p[0] = (dl_real)(x0 - w); p[1] = (dl_real)(y0 - h); p[2] = (dl_real)(x0 + w); p[3] = (dl_real)(y0 + h);
                }
    return y;
}

/* --- matching and suppression: plain numbers, no gradients -------------------------------------------------- */
static dl_real dli_iou(const dl_real *a, const dl_real *b)
{
    dl_real w = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
    dl_real h = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
    dl_real both = w > 0 && h > 0 ? w * h : 0, either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
    return either > 0 ? both / either : 0;
}

DL_DEF dl_tensor *dl_box_match_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *truth, dl_box_match_opts o)
{
    dl_tensor *y;
    int64_t N, M, i, j;
    dl_real high = o.high == 0 ? DLI_C(0.5) : o.high, low = o.low == 0 ? high : o.low;
    dli_mark m;
    dl_real *best;
    int32_t *which;
    if (!dli_check_boxes(c, "box_match", "boxes", boxes, 4) || !dli_check_boxes(c, "box_match", "truth", truth, 4)) return DLI_NIL;
    if (!(low > 0 && low <= high && high <= 1)) return dl_fail(c, "box_match: low %g and high %g, expected 0 < low <= high <= 1", (double)low, (double)high);
    N = boxes->shape[0];
    M = truth->shape[0];
    y = dli_leaf(c, "box_match", DL_INT32, 1, &N, 0);
    if (dl_is_nil(y)) return y;
    m = dli_arena_mark(&c->step);
    best = (dl_real *)dl_alloc(c, (size_t)(N + M) * sizeof *best);
    which = (int32_t *)dl_alloc(c, (size_t)N * sizeof *which);
    if (best && which) {
        memset(best, 0, (size_t)(N + M) * sizeof *best);
        for (i = 0; i < N; i++)
            for (j = 0, which[i] = 0; j < M; j++) {
                dl_real iou = dli_iou(boxes->data + 4 * i, truth->data + 4 * j);
                if (iou > best[i]) { best[i] = iou; which[i] = (int32_t)j; }
                if (iou > best[N + j]) best[N + j] = iou;
            }
        for (i = 0; i < N; i++) {
            y->idata[i] = best[i] >= high ? which[i] : best[i] < low ? -1 : -2;
            for (j = 0; j < M && o.best; j++)
                if (best[N + j] > 0 && dli_iou(boxes->data + 4 * i, truth->data + 4 * j) == best[N + j]) y->idata[i] = which[i];
        }
    }
    dli_arena_release(&c->step, m);
    return c->failed ? DLI_NIL : y;
}

/* Which of n boxes stay, into keep; how many. */
static int64_t dli_nms(dl_ctx *c, int32_t *keep, const dl_real *boxes, const dl_real *scores, const int32_t *classes, int64_t n, double threshold)
{
    dli_mark m = dli_arena_mark(&c->step);
    int32_t *order = (int32_t *)dl_alloc(c, 2 * (size_t)n * sizeof *order);
    int64_t i, j, kept = 0;
    if (order) {
        dli_sort_line(scores, order, order + n, n, 1);
        for (i = 0; i < n; i++) {
            for (j = 0; j < kept; j++)
                if ((!classes || classes[keep[j]] == classes[order[i]]) &&
                    (double)dli_iou(boxes + 4 * keep[j], boxes + 4 * order[i]) > threshold) break;
            if (j == kept) keep[kept++] = order[i];
        }
    }
    dli_arena_release(&c->step, m);
    return kept;
}
static int dli_check_threshold(dl_ctx *c, const char *who, double threshold, int64_t n)
{
    if (!(threshold >= 0 && threshold <= 1)) dl_fail(c, "%s: iou threshold %g, expected 0 to 1", who, threshold);
    if (n > INT32_MAX) dl_fail(c, "%s: %l boxes are too many", who, n);
    return !c->failed;
}
DL_DEF dl_tensor *dl_nms_with(dl_ctx *c, dl_tensor *boxes, dl_tensor *scores, double iou_threshold, dl_nms_opts o)
{
    dl_tensor *y;
    int64_t n;
    int32_t *keep;
    if (!dli_check_boxes(c, "nms", "boxes", boxes, 4) || !dli_check(c, "nms", "scores", scores, DL_REAL)) return DLI_NIL;
    if (o.classes && !dli_check(c, "nms", "classes", o.classes, DL_INT32)) return DLI_NIL;
    n = boxes->shape[0];
    if (scores->size != n) return dl_fail(c, "nms: boxes %t with scores %t", boxes, scores);
    if (o.classes && o.classes->size != n) return dl_fail(c, "nms: boxes %t with classes %t", boxes, o.classes);
    if (!dli_check_threshold(c, "nms", iou_threshold, n)) return DLI_NIL;
    keep = (int32_t *)dl_alloc(c, (size_t)n * sizeof *keep);
    if (!keep) return DLI_NIL;
    n = dli_nms(c, keep, boxes->data, scores->data, o.classes ? o.classes->idata : NULL, n, iou_threshold);
    y = c->failed ? DLI_NIL : dli_leaf(c, "nms", DL_INT32, 1, &n, 0);
    if (!dl_is_nil(y)) memcpy(y->idata, keep, (size_t)n * sizeof *keep);
    return y;
}

/* --- sliding window: patch (n, i, j) is x[n, :, i stride .. + size, j stride .. + size]; dx adds up ------------ */
static dli_walk dli_window_walk(const dl_tensor *x, const dl_tensor *y, int stride)
{
    int64_t C = y->shape[1], size = y->shape[2], H = x->shape[x->ndim - 2], W = x->shape[x->ndim - 1];
    dli_walk w;
    memset(&w, 0, sizeof w);
    dli_walk_axis(&w, x->size / (C * H * W), y->size / (x->size / (C * H * W)), C * H * W);
    dli_walk_axis(&w, (H - size) / stride + 1, ((W - size) / stride + 1) * C * size * size, stride * W);
    dli_walk_axis(&w, (W - size) / stride + 1, C * size * size, stride);
    dli_walk_axis(&w, C, size * size, H * W);
    dli_walk_axis(&w, size, size, W);
    dli_walk_axis(&w, size, 1, 1);
    return w;
}
typedef struct { int64_t size; int stride; } dli_window_args;
static int dli_sliding_window_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_window_args *o = (const dli_window_args *)y->opts;
    const dl_tensor *x = y->src[0];
    int64_t shape[4], H, W, patches[3];
    if (!dli_check(c, "sliding_window", "x", x, DL_REAL)) return 0;
    if (x->ndim < 3 || x->ndim > 4) { dl_fail(c, "sliding_window: %t, expected (N, C, H, W) or (C, H, W)", x); return 0; }
    H = x->shape[x->ndim - 2];
    W = x->shape[x->ndim - 1];
    if (o->stride < 1) { dl_fail(c, "sliding_window: stride %d, expected a positive number", o->stride); return 0; }
    if (o->size < 1 || o->size > H || o->size > W) { dl_fail(c, "sliding_window: a window of size %l on %t", o->size, x); return 0; }
    patches[0] = x->ndim == 4 ? x->shape[0] : 1; patches[1] = (H - o->size) / o->stride + 1; patches[2] = (W - o->size) / o->stride + 1;
    shape[1] = x->shape[x->ndim - 3]; shape[2] = shape[3] = o->size;
    return dli_size(c, "sliding_window", 3, patches, sizeof(dl_real), &shape[0]) && dl_set_shape(c, y, 4, shape);
}
static void dli_sliding_window_forward(dl_ctx *c, dl_tensor *y)
{
    dli_walk w = dli_window_walk(y->src[0], y, ((const dli_window_args *)y->opts)->stride);
    dli_copy(c, &w, y->data, y->src[0]->data, sizeof *y->data, 0);
}
static void dli_sliding_window_backward(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *x = y->src[0];
    dli_walk w = dli_window_walk(x, y, ((const dli_window_args *)y->opts)->stride), back = w;
    int add;
    dl_real *dx = dl_grad_of(c, x, &add);
    if (!dx) return;
    if (!add) memset(dx, 0, (size_t)x->size * sizeof *dx);
    memcpy(back.to, w.from, sizeof w.from);
    memcpy(back.from, w.to, sizeof w.to);
    dli_copy(c, &back, dx, y->grad, sizeof *dx, 1);
}
static const dl_op dli_sliding_window_op = { "sliding_window", dli_sliding_window_shape, dli_sliding_window_forward, dli_sliding_window_backward };
DL_DEF dl_tensor *dl_sliding_window_with(dl_ctx *c, dl_tensor *x, int64_t size, dl_sliding_window_opts opts)
{
    dli_window_args o;
    memset(&o, 0, sizeof o);
    o.size = size;
    o.stride = opts.stride ? opts.stride : 1;
    return dl_apply(c, &dli_sliding_window_op, 1, &x, &o, sizeof o);
}

/* --- regions of interest: both ways, all regions are walked by each of a few tasks, which own channels of the result ------ */
typedef struct { int64_t height, width; dl_real scale; int sampling, aligned; } dli_roi_args;
typedef struct { const dl_tensor *y; dl_real *dx; int32_t *largest; int64_t per_task; } dli_roi_job;

static int dli_roi_shape(dl_ctx *c, dl_tensor *y)
{
    const dli_roi_args *o = (const dli_roi_args *)y->opts;
    const dl_tensor *x = y->src[0], *rois = y->src[1];
    const char *who = y->op->name;
    int64_t shape[4], i;
    int k;
    if (!dli_check(c, who, "x", x, DL_REAL) || !dli_check_boxes(c, who, "rois", rois, 5)) return 0;
    if (x->ndim != 4) { dl_fail(c, "%s: %t, expected (N, C, H, W)", who, x); return 0; }
    if (o->height < 1 || o->width < 1) { dl_fail(c, "%s: to %l x %l", who, o->height, o->width); return 0; }
    if (!(o->scale > 0)) { dl_fail(c, "%s: spatial_scale is %g, expected a positive number", who, (double)o->scale); return 0; }
    if (o->sampling < 0) { dl_fail(c, "%s: sampling_ratio is %d", who, o->sampling); return 0; }
    if (x->shape[2] * x->shape[3] > INT32_MAX) { dl_fail(c, "%s: maps of %t are too large", who, x); return 0; }
    for (i = 0; i < rois->shape[0]; i++) {
        const dl_real *r = rois->data + 5 * i;
        if (!(r[0] >= 0 && r[0] < (dl_real)x->shape[0])) { dl_fail(c, "%s: region %l is of map %g of %t", who, i, (double)r[0], x); return 0; }
        for (k = 1; k < 5; k++)
            if (!(r[k] * o->scale >= -32768 && r[k] * o->scale <= 32768)) {
                dl_fail(c, "%s: coordinate %g of region %l is out of range", who, (double)r[k], i);
                return 0;
            }
    }
    shape[0] = rois->shape[0]; shape[1] = x->shape[1]; shape[2] = o->height; shape[3] = o->width;
    return dl_set_shape(c, y, 4, shape);
}
static dl_tensor *dli_roi(dl_ctx *c, const dl_op *op, dl_tensor *x, dl_tensor *rois, int64_t height, int64_t width, dl_real scale,
                          int sampling, int aligned)
{
    dl_tensor *s[2];
    dli_roi_args o;
    memset(&o, 0, sizeof o);
    s[0] = x; s[1] = rois;
    o.height = height; o.width = width; o.scale = scale == 0 ? 1 : scale; o.sampling = sampling; o.aligned = aligned;
    return dl_apply(c, op, 2, s, &o, sizeof o);
}
static void dli_roi_run(dl_ctx *c, dl_tensor *y, dli_task *task, dl_real *dx)
{
    dli_roi_job j;
    int64_t C = y->shape[1];
    j.y = y; j.dx = dx; j.largest = (int32_t *)y->saved;
    j.per_task = y->size >= DLI_PAR_WORK / 16 ? (C + c->threads - 1) / c->threads : C;
    dli_parallel(c, (C + j.per_task - 1) / j.per_task, task, &j);
}
static void dli_roi_backward(dl_ctx *c, dl_tensor *y, dli_task *task)
{
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (dx && !add) memset(dx, 0, (size_t)y->src[0]->size * sizeof *dx);
    if (dx) dli_roi_run(c, y, task, dx);
}

static int64_t dli_floor64(double x) { int64_t i = (int64_t)x; return i - (x < (double)i); }
static int64_t dli_clip(int64_t i, int64_t n) { return i < 0 ? 0 : i > n ? n : i; }
static double  dli_round_half_away(double x) { return x < 0 ? -(double)dli_floor64(0.5 - x) : (double)dli_floor64(x + 0.5); }

/* roi_pool: bin i of n over the places first .. first + length - 1 is floor(i length / n) .. ceil((i + 1) length / n) */
static void dli_roi_pool_task(void *arg, int64_t task, int worker)
{
    const dli_roi_job *j = (const dli_roi_job *)arg;
    const dl_tensor *y = j->y, *x = y->src[0];
    const dli_roi_args *o = (const dli_roi_args *)y->opts;
    int64_t H = x->shape[2], W = x->shape[3], C = y->shape[1], ch, hi = dli_min64((task + 1) * j->per_task, C), k, p, q, u, v;
    (void)worker;
    for (k = 0; k < y->shape[0]; k++) {
        const dl_real *r = y->src[1]->data + 5 * k;
        double left = dli_round_half_away((double)(r[1] * o->scale)), top = dli_round_half_away((double)(r[2] * o->scale));
        double w = dli_round_half_away((double)(r[3] * o->scale)) - left + 1, h = dli_round_half_away((double)(r[4] * o->scale)) - top + 1;
        dl_real bin_h = (dl_real)((h < 1 ? 1 : h) / (double)o->height), bin_w = (dl_real)((w < 1 ? 1 : w) / (double)o->width);
        for (ch = task * j->per_task; ch < hi; ch++) {
            const dl_real *map = x->data + ((int64_t)r[0] * C + ch) * H * W;
            int64_t at = (k * C + ch) * o->height * o->width;
            for (p = 0; p < o->height; p++)
                for (q = 0; q < o->width; q++, at++) {
                    int64_t u0 = dli_clip(dli_floor64((double)((dl_real)p * bin_h)) + (int64_t)top, H);
                    int64_t u1 = dli_clip(-dli_floor64(-(double)((dl_real)(p + 1) * bin_h)) + (int64_t)top, H);
                    int64_t v0 = dli_clip(dli_floor64((double)((dl_real)q * bin_w)) + (int64_t)left, W);
                    int64_t v1 = dli_clip(-dli_floor64(-(double)((dl_real)(q + 1) * bin_w)) + (int64_t)left, W), largest = -1;
                    for (u = u0; u < u1; u++)
                        for (v = v0; v < v1; v++) if (largest < 0 || map[u * W + v] > map[largest]) largest = u * W + v;
                    j->largest[at] = (int32_t)largest;
                    y->data[at] = largest < 0 ? 0 : map[largest];
                }
        }
    }
}
static void dli_roi_pool_back_task(void *arg, int64_t task, int worker)
{
    const dli_roi_job *j = (const dli_roi_job *)arg;
    const dl_tensor *y = j->y, *x = y->src[0];
    int64_t C = y->shape[1], HW = x->shape[2] * x->shape[3], bins = y->shape[2] * y->shape[3], ch, k, i;
    (void)worker;
    for (k = 0; k < y->shape[0]; k++)
        for (ch = task * j->per_task; ch < dli_min64((task + 1) * j->per_task, C); ch++) {
            dl_real *dx = j->dx + ((int64_t)y->src[1]->data[5 * k] * C + ch) * HW;
            for (i = (k * C + ch) * bins; i < (k * C + ch + 1) * bins; i++) if (j->largest[i] >= 0) dx[j->largest[i]] += y->grad[i];
        }
}
static void dli_roi_pool_forward(dl_ctx *c, dl_tensor *y)
{
    y->saved = dl_alloc(c, (size_t)y->size * sizeof(int32_t));
    if (y->saved) dli_roi_run(c, y, dli_roi_pool_task, NULL);
}
static void dli_roi_pool_backward(dl_ctx *c, dl_tensor *y) { dli_roi_backward(c, y, dli_roi_pool_back_task); }
static const dl_op dli_roi_pool_op = { "roi_pool", dli_roi_shape, dli_roi_pool_forward, dli_roi_pool_backward };
DL_DEF dl_tensor *dl_roi_pool_with(dl_ctx *c, dl_tensor *x, dl_tensor *rois, int64_t height, int64_t width, dl_roi_pool_opts o)
{
    return dli_roi(c, &dli_roi_pool_op, x, rois, height, width, o.spatial_scale, 0, 0);
}

/* roi_align: y = mean of x at the points of a bin, each with its four neighbours' weights; points more than 1 outside are 0.
   The same walk forwards and, with dx, backwards. */
typedef struct { int64_t low, high; dl_real w_low, w_high; } dli_between;       /* a point between two places of an axis */

static int dli_find_between(dl_real p, int64_t n, dli_between *b)
{
    if (!(p >= -1 && p <= (dl_real)n)) return 0;
    if (p < 0) p = 0;
    b->low = (int64_t)p;
    b->high = b->low + 1;
    if (b->low >= n - 1) { b->low = b->high = n - 1; p = (dl_real)b->low; }
    b->w_high = p - (dl_real)b->low;
    b->w_low = 1 - b->w_high;
    return 1;
}
static void dli_roi_align_task(void *arg, int64_t task, int worker)
{
    const dli_roi_job *j = (const dli_roi_job *)arg;
    const dl_tensor *y = j->y, *x = y->src[0];
    const dli_roi_args *o = (const dli_roi_args *)y->opts;
    int64_t H = x->shape[2], W = x->shape[3], C = y->shape[1], bins = o->height * o->width, ch, lo = task * j->per_task;
    int64_t hi = dli_min64(lo + j->per_task, C), k, p, q, u, v;
    dl_real shift = o->aligned ? DLI_C(0.5) : 0;
    (void)worker;
    for (k = 0; k < y->shape[0]; k++) {
        const dl_real *r = y->src[1]->data + 5 * k;
        dl_real left = r[1] * o->scale - shift, top = r[2] * o->scale - shift;
        dl_real w = r[3] * o->scale - shift - left, h = r[4] * o->scale - shift - top;
        int64_t gh, gw, count, from = (int64_t)r[0] * C * H * W, at = k * C * bins;
        if (!o->aligned && w < 1) w = 1;
        if (!o->aligned && h < 1) h = 1;
        h /= (dl_real)o->height;                                   /* of a bin */
        w /= (dl_real)o->width;
        gh = o->sampling ? o->sampling : -dli_floor64(-(double)h);
        gw = o->sampling ? o->sampling : -dli_floor64(-(double)w);
        count = dli_max64(gh * gw, 1);
        for (p = 0; p < o->height; p++)
            for (q = 0; q < o->width; q++, at++) {
                for (ch = lo; ch < hi && !j->dx; ch++) y->data[at + ch * bins] = 0;
                for (u = 0; u < gh; u++)
                    for (v = 0; v < gw; v++) {
                        dli_between a, b;
                        dl_real yy = top + (dl_real)p * h + ((dl_real)u + DLI_C(0.5)) * h / (dl_real)gh;
                        dl_real xx = left + (dl_real)q * w + ((dl_real)v + DLI_C(0.5)) * w / (dl_real)gw;
                        int64_t n1, n2, n3, n4;
                        dl_real w1, w2, w3, w4;
                        if (!dli_find_between(yy, H, &a) || !dli_find_between(xx, W, &b)) continue;
                        n1 = a.low * W + b.low; n2 = a.low * W + b.high; n3 = a.high * W + b.low; n4 = a.high * W + b.high;
                        w1 = a.w_low * b.w_low; w2 = a.w_low * b.w_high; w3 = a.w_high * b.w_low; w4 = a.w_high * b.w_high;
                        for (ch = lo; ch < hi; ch++)
                            if (!j->dx) {
                                const dl_real *m = x->data + from + ch * H * W;
                                y->data[at + ch * bins] += w1 * m[n1] + w2 * m[n2] + w3 * m[n3] + w4 * m[n4];
                            } else {
                                dl_real *m = j->dx + from + ch * H * W, g = y->grad[at + ch * bins] / (dl_real)count;
                                m[n1] += w1 * g; m[n2] += w2 * g; m[n3] += w3 * g; m[n4] += w4 * g;
                            }
                    }
                for (ch = lo; ch < hi && !j->dx; ch++) y->data[at + ch * bins] /= (dl_real)count;
            }
    }
}
static void dli_roi_align_forward(dl_ctx *c, dl_tensor *y)  { dli_roi_run(c, y, dli_roi_align_task, NULL); }
static void dli_roi_align_backward(dl_ctx *c, dl_tensor *y) { dli_roi_backward(c, y, dli_roi_align_task); }
static const dl_op dli_roi_align_op = { "roi_align", dli_roi_shape, dli_roi_align_forward, dli_roi_align_backward };
DL_DEF dl_tensor *dl_roi_align_with(dl_ctx *c, dl_tensor *x, dl_tensor *rois, int64_t height, int64_t width, dl_roi_align_opts o)
{
    return dli_roi(c, &dli_roi_align_op, x, rois, height, width, o.spatial_scale, o.sampling_ratio, o.aligned);
}

/* --- selective search -------------------------------------------------------------------------------------------
   Segments: pixels are joined along edges of rising colour difference while the difference is at most inner(segment) + scale /
   size of both, inner: the largest edge within.  Then the two neighbours of the largest similarity are merged, until one is left:
   similarity = sum of min(histogram) + 1 - size / image + 1 - (box around both - sizes) / image. */
#define DLI_COLOUR_BINS 25
#define DLI_MAX_SEGMENTS 1024
typedef struct { dl_real weight; int32_t a, b; } dli_edge;

static int dli_edge_order(const void *a, const void *b)
{
    const dli_edge *x = (const dli_edge *)a, *y = (const dli_edge *)b;
    if (x->weight != y->weight) return x->weight < y->weight ? -1 : 1;
    return x->a != y->a ? (x->a < y->a ? -1 : 1) : x->b < y->b ? -1 : x->b > y->b;
}
static int32_t dli_segment_of(int32_t *parent, int32_t i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

typedef struct { int64_t size; int alive; dl_real box[4]; dl_real *histogram; } dli_region;

static dl_real dli_similarity(const dli_region *a, const dli_region *b, int bins, double pixels)
{
    double s = 0, w, h;
    int k;
    for (k = 0; k < bins; k++) s += (double)(a->histogram[k] < b->histogram[k] ? a->histogram[k] : b->histogram[k]);
    w = (double)((a->box[2] > b->box[2] ? a->box[2] : b->box[2]) - (a->box[0] < b->box[0] ? a->box[0] : b->box[0]));
    h = (double)((a->box[3] > b->box[3] ? a->box[3] : b->box[3]) - (a->box[1] < b->box[1] ? a->box[1] : b->box[1]));
    return (dl_real)(s + 2 - (double)(a->size + b->size) / pixels - (w * h - (double)(a->size + b->size)) / pixels);
}

/* a becomes a and b */
static void dli_region_merge(dli_region *a, const dli_region *b, int bins)
{
    double share = (double)a->size / (double)(a->size + b->size);
    int k;
    for (k = 0; k < bins; k++) a->histogram[k] = (dl_real)(share * (double)a->histogram[k] + (1 - share) * (double)b->histogram[k]);
    for (k = 0; k < 4; k++) if (k < 2 ? b->box[k] < a->box[k] : b->box[k] > a->box[k]) a->box[k] = b->box[k];
    a->size += b->size;
}

/* The segment of each pixel, 0 .. n - 1, into label; n. */
static int dli_segments(dl_ctx *c, const dl_tensor *image, double scale, int min_size, int32_t *label)
{
    int64_t C = image->shape[0], H = image->shape[1], W = image->shape[2], n = H * W, edges = 0, i, k, u, v;
    dli_edge *edge = (dli_edge *)dl_alloc(c, 2 * (size_t)n * sizeof *edge);
    int32_t *parent = (int32_t *)dl_alloc(c, (size_t)n * sizeof *parent), *size = (int32_t *)dl_alloc(c, (size_t)n * sizeof *size);
    dl_real *inner = (dl_real *)dl_alloc(c, (size_t)n * sizeof *inner);
    int segments = 0, pass;
    if (!edge || !parent || !size || !inner) return 0;
    for (i = 0; i < n; i++) {
        parent[i] = (int32_t)i;
        size[i] = 1;
        inner[i] = 0;
    }
    for (u = 0; u < H; u++)
        for (v = 0; v < W; v++)
            for (pass = 0; pass < 2; pass++) {
                double d = 0;
                i = u * W + v;
                if (pass ? u + 1 == H : v + 1 == W) continue;
                edge[edges].a = (int32_t)i;
                edge[edges].b = (int32_t)(i + (pass ? W : 1));
                for (k = 0; k < C; k++) {
                    double diff = (double)(image->data[k * n + i] - image->data[k * n + edge[edges].b]);
                    d += diff * diff;
                }
                edge[edges++].weight = (dl_real)dli_sqrt64(d);
            }
    qsort(edge, (size_t)edges, sizeof *edge, dli_edge_order);
    for (pass = 0; pass < 2; pass++)                                /* the second joins what is too small */
        for (i = 0; i < edges; i++) {
            int32_t a = dli_segment_of(parent, edge[i].a), b = dli_segment_of(parent, edge[i].b);
            double w = (double)edge[i].weight;
            if (a == b) continue;
            if (pass ? size[a] >= min_size && size[b] >= min_size
                     : w > (double)inner[a] + scale / size[a] || w > (double)inner[b] + scale / size[b]) continue;
            parent[b] = a;
            size[a] += size[b];
            inner[a] = edge[i].weight;
        }
    for (i = 0; i < n; i++) if (parent[i] == i) inner[i] = (dl_real)segments, segments++;
    for (i = 0; i < n; i++) label[i] = (int32_t)inner[dli_segment_of(parent, (int32_t)i)];
    return segments;
}

DL_DEF dl_tensor *dl_region_proposals_with(dl_ctx *c, dl_tensor *image, dl_region_proposals_opts o)
{
    const char *who = "region_proposals";
    double scale = o.scale == 0 ? 0.5 : (double)o.scale;
    int min_size = o.min_size == 0 ? 20 : o.min_size, segments, bins, k, a, b, found = 0, left;
    int64_t n, W, i, shape[2];
    dli_region *r;
    dl_real *similar, *boxes, *histograms;
    int32_t *label;
    dli_mark m;
    dl_tensor *y;
    if (!dli_check(c, who, "image", image, DL_REAL)) return DLI_NIL;
    if (image->ndim != 3 || image->shape[0] > 64) return dl_fail(c, "%s: %t, expected (C, H, W)", who, image);
    if (!(scale > 0) || min_size < 1) return dl_fail(c, "%s: scale %g and min_size %d, expected positive numbers", who, scale, min_size);
    W = image->shape[2];
    n = image->shape[1] * W;
    if (n > 1 << 24) return dl_fail(c, "%s: %t is too large", who, image);
    bins = (int)image->shape[0] * DLI_COLOUR_BINS;
    boxes = (dl_real *)dl_alloc(c, 2 * DLI_MAX_SEGMENTS * 4 * sizeof *boxes);
    m = dli_arena_mark(&c->step);
    label = (int32_t *)dl_alloc(c, (size_t)n * sizeof *label);
    segments = boxes && label ? dli_segments(c, image, scale, min_size, label) : 0;
    if (c->failed) return DLI_NIL;
    if (segments > DLI_MAX_SEGMENTS)
        return dl_fail(c, "%s: %d segments, at most %d; raise scale or min_size", who, segments, DLI_MAX_SEGMENTS);
    r = (dli_region *)dl_alloc(c, (size_t)segments * sizeof *r);
    similar = (dl_real *)dl_alloc(c, (size_t)segments * (size_t)segments * sizeof *similar);      /* 0: no neighbours */
    histograms = (dl_real *)dl_alloc(c, (size_t)segments * (size_t)bins * sizeof *histograms);
    if (!r || !similar || !histograms) return DLI_NIL;
    memset(r, 0, (size_t)segments * sizeof *r);
    memset(similar, 0, (size_t)segments * (size_t)segments * sizeof *similar);
    memset(histograms, 0, (size_t)segments * (size_t)bins * sizeof *histograms);
    for (i = 0; i < n; i++) {
        dli_region *s = &r[label[i]];
        dl_real x = (dl_real)(i % W), t = (dl_real)(i / W);
        if (!s->size) { s->box[0] = x; s->box[1] = t; s->alive = 1; s->histogram = histograms + label[i] * bins; }
        if (x < s->box[0]) s->box[0] = x;
        if (x + 1 > s->box[2]) s->box[2] = x + 1;
        if (t + 1 > s->box[3]) s->box[3] = t + 1;
        s->size++;
        for (k = 0; k < (int)image->shape[0]; k++) {
            dl_real v = image->data[k * n + i] * DLI_COLOUR_BINS;
            s->histogram[k * DLI_COLOUR_BINS + (v >= DLI_COLOUR_BINS ? DLI_COLOUR_BINS - 1 : v > 0 ? (int)v : 0)] += 1;
        }
    }
    for (a = 0; a < segments; a++)
        for (k = 0; k < bins; k++) r[a].histogram[k] /= (dl_real)(r[a].size * image->shape[0]);
    for (i = 0; i < n; i++)
        for (k = 0; k < 2; k++) {
            int64_t next = i + (k ? W : 1);
            if (k ? next >= n : next % W == 0) continue;
            a = label[i];
            b = label[next];
            if (a != b) similar[a * segments + b] = similar[b * segments + a] = dli_similarity(&r[a], &r[b], bins, (double)n);
        }
    for (a = 0; a < segments; a++) memcpy(boxes + 4 * found++, r[a].box, sizeof r[a].box);
    for (left = segments; left > 1; left--) {
        int best_a = 0, best_b = 0;
        for (a = 0; a < segments; a++)
            for (b = a + 1; b < segments && r[a].alive; b++)
                if (r[b].alive && similar[a * segments + b] > similar[best_a * segments + best_b]) { best_a = a; best_b = b; }
        if (best_a == best_b) break;
        dli_region_merge(&r[best_a], &r[best_b], bins);
        r[best_b].alive = 0;
        memcpy(boxes + 4 * found++, r[best_a].box, sizeof r[best_a].box);
        for (a = 0; a < segments; a++) {
            if (a == best_a || !r[a].alive || (similar[a * segments + best_a] == 0 && similar[a * segments + best_b] == 0)) continue;
            similar[a * segments + best_a] = similar[best_a * segments + a] = dli_similarity(&r[a], &r[best_a], bins, (double)n);
        }
    }
    dli_arena_release(&c->step, m);
    shape[0] = 0;
    shape[1] = 4;
    for (a = found - 1; a >= 0; a--) {                              /* the last first, each box once */
        for (b = found - 1; b > a && memcmp(boxes + 4 * a, boxes + 4 * b, 4 * sizeof *boxes); b--) {}
        shape[0] += b == a;
    }
    y = dli_leaf(c, who, DL_REAL, 2, shape, 0);
    for (i = 0, a = found - 1; a >= 0 && y->size; a--) {
        for (b = found - 1; b > a && memcmp(boxes + 4 * a, boxes + 4 * b, 4 * sizeof *boxes); b--) {}
        if (b == a) memcpy(y->data + 4 * i++, boxes + 4 * a, 4 * sizeof *boxes);
    }
    return y;
}

/* --- losses of detectors ------------------------------------------------------------------------------------------ */

/* Draws up to `want` of the places where match is (matched: >= 0, else -1) into mask; how many. */
static int64_t dli_draw_matches(dl_ctx *c, const dl_tensor *match, int matched, int64_t want, dl_real *mask)
{
    int64_t n = match->size, i, drawn = 0;
    dli_mark m = dli_arena_mark(&c->step);
    int32_t *order = (int32_t *)dl_alloc(c, (size_t)n * sizeof *order);
    if (order) {
        dli_permutation(c->seed, c->calls++, order, n);
        for (i = 0; i < n && drawn < want; i++) {
            int32_t k = match->idata[order[i]];
            if (matched ? k < 0 : k != -1) continue;
            mask[order[i]] = 1;
            drawn++;
        }
    }
    dli_arena_release(&c->step, m);
    return drawn;
}
DL_DEF dl_tensor *dl_rpn_loss_with(dl_ctx *c, dl_tensor *objectness, dl_tensor *deltas, dl_tensor *anchors, dl_tensor *truth, dl_rpn_loss_opts o)
{
    const char *who = "rpn_loss";
    dl_box_match_opts mo;
    dl_box_encode_opts eo;
    dl_tensor *match, *chosen, *matched, *target, *loss, *boxes, *deltas_loss;
    int64_t A, i, drawn, positive, shape[2];
    dl_shape flat = {{-1}};
    memset(&mo, 0, sizeof mo);
    memset(&eo, 0, sizeof eo);
    if (!dli_check(c, who, "objectness", objectness, DL_REAL) || !dli_check_boxes(c, who, "deltas", deltas, 4) ||
        !dli_check_boxes(c, who, "anchors", anchors, 4) || (truth && !dli_check_boxes(c, who, "truth", truth, 4))) return DLI_NIL;
    A = anchors->shape[0];
    if (objectness->size != A || deltas->shape[0] != A)
        return dl_fail(c, "%s: objectness %t and deltas %t of anchors %t", who, objectness, deltas, anchors);
    if (o.samples == 0) o.samples = 256;
    if (o.samples < 0) return dl_fail(c, "%s: %d samples", who, o.samples);
    mo.high = o.high == 0 ? DLI_C(0.7) : o.high;
    mo.low = o.low == 0 ? DLI_C(0.3) : o.low;
    mo.best = 1;
    if (truth) match = dl_box_match_with(c, anchors, truth, mo);
    else {
        match = dli_leaf(c, who, DL_INT32, 1, &A, 0);
        for (i = 0; i < match->size; i++) match->idata[i] = -1;
    }
    shape[0] = A; shape[1] = 1;
    chosen = dli_leaf(c, who, DL_REAL, 1, shape, 0);
    matched = dli_leaf(c, who, DL_REAL, 2, shape, 0);
    if (c->failed) return DLI_NIL;
    memset(matched->data, 0, (size_t)A * sizeof *matched->data);
    positive = dli_draw_matches(c, match, 1, o.samples / 2, matched->data);
    memcpy(chosen->data, matched->data, (size_t)A * sizeof *matched->data);
    drawn = positive + dli_draw_matches(c, match, 0, o.samples - positive, chosen->data);
    if (!drawn) return dl_fail(c, "%s: none of the anchors %t is matched or background", who, anchors);
    target = dl_reshape(c, matched, flat);
    loss = dl_bce_logits(c, dl_reshape(c, objectness, flat), target);
    loss = dl_div_scalar(c, dli_sum_all(c, dl_mul(c, loss, chosen)), (dl_real)drawn);
    if (!truth) return loss;
    shape[1] = 4;
    boxes = dli_leaf(c, who, DL_REAL, 2, shape, 0);
    if (dl_is_nil(boxes)) return boxes;
    for (i = 0; i < A; i++) memcpy(boxes->data + 4 * i, truth->data + 4 * (match->idata[i] < 0 ? 0 : match->idata[i]), 4 * sizeof *boxes->data);
    target = dl_detach(c, dl_box_encode_with(c, boxes, anchors, eo));
    deltas_loss = dl_mul_scalar(c, dli_huber(c, deltas, target, DLI_C(1.0 / 9)), 9);
    deltas_loss = dl_div_scalar(c, dli_sum_all(c, dl_mul(c, deltas_loss, matched)), (dl_real)drawn);
    return dl_add(c, loss, dl_mul_scalar(c, deltas_loss, dli_or_real(o.box_weight, 1)));
}

/* pred (N, S, S, 5 B + C): checks, and B */
static int dli_check_yolo(dl_ctx *c, const char *who, const dl_tensor *pred, int *boxes)
{
    if (!dli_check(c, who, "pred", pred, DL_REAL)) return 0;
    if (*boxes == 0) *boxes = 2;
    if (*boxes < 0) { dl_fail(c, "%s: %d boxes", who, *boxes); return 0; }
    if (pred->ndim != 4 || pred->shape[1] != pred->shape[2] || pred->shape[3] <= 5 * (int64_t)*boxes) {
        dl_fail(c, "%s: %t, expected (N, S, S, 5 B + C) with B = %d and C > 0", who, pred, *boxes);
        return 0;
    }
    return 1;
}
/* The box at p in cell (row, column), in units of the picture. */
static void dli_yolo_box(const dl_real *p, int64_t row, int64_t column, int64_t S, dl_real *box)
{
    dl_real x = ((dl_real)column + p[0]) / (dl_real)S, y = ((dl_real)row + p[1]) / (dl_real)S, w = p[2] * p[2] / 2, h = p[3] * p[3] / 2;
    box[0] = x - w; box[1] = y - h; box[2] = x + w; box[3] = y + h;
}
DL_DEF dl_tensor *dl_yolo_loss_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, dl_yolo_loss_opts o)
{
    const char *who = "yolo_loss";
    dl_tensor *target, *weight;
    dl_real coord = dli_or_real(o.coord, 5), noobj = dli_or_real(o.noobj, 0.5);
    int64_t N, S, width, i, k, b;
    if (!dli_check_yolo(c, who, pred, &o.boxes) || (truth && !dli_check_boxes(c, who, "truth", truth, 6))) return DLI_NIL;
    if (!(coord >= 0 && noobj >= 0)) return dl_fail(c, "%s: coord %g and noobj %g, expected no negative number", who, (double)coord, (double)noobj);
    N = pred->shape[0];
    S = pred->shape[1];
    width = pred->shape[3];
    target = dli_leaf(c, who, DL_REAL, 4, pred->shape, 0);
    weight = dli_leaf(c, who, DL_REAL, 4, pred->shape, 0);
    if (c->failed) return DLI_NIL;
    memset(target->data, 0, (size_t)pred->size * sizeof *target->data);
    for (i = 0; i < pred->size; i++) weight->data[i] = i % width < 5 * o.boxes && i % width % 5 == 4 ? noobj : 0;
    for (i = 0; truth && i < truth->shape[0]; i++) {
        const dl_real *t = truth->data + 6 * i;
        dl_real x = (t[2] + t[4]) / 2 * (dl_real)S, y = (t[3] + t[5]) / 2 * (dl_real)S, w = t[4] - t[2], h = t[5] - t[3], box[4], best = -1, iou;
        int64_t row, column, at;
        if (!(t[0] >= 0 && t[0] < (dl_real)N && t[1] >= 0 && t[1] < (dl_real)(width - 5 * o.boxes)))
            return dl_fail(c, "%s: true box %l is of picture %g and class %g, for %t", who, i, (double)t[0], (double)t[1], pred);
        if (!(x >= 0 && x < (dl_real)S && y >= 0 && y < (dl_real)S && w > 0 && h > 0 && w <= 2 && h <= 2))
            return dl_fail(c, "%s: true box %l, (%g, %g, %g, %g), has its centre or a side outside of the picture", who, i, (double)t[2],
                           (double)t[3], (double)t[4], (double)t[5]);
        column = (int64_t)x;
        row = (int64_t)y;
        at = (((int64_t)t[0] * S + row) * S + column) * width;
        if (weight->data[at + 5 * o.boxes] != 0) continue;          /* one object a cell: the first */
        for (k = 5 * o.boxes; k < width; k++) weight->data[at + k] = 1;
        target->data[at + 5 * o.boxes + (int64_t)t[1]] = 1;
        for (k = b = 0; k < o.boxes; k++) {
            dli_yolo_box(pred->data + at + 5 * k, row, column, S, box);
            iou = dli_iou(box, t + 2);
            if (iou > best) { best = iou; b = k; }
        }
        at += 5 * b;
        for (k = 0; k < 5; k++) weight->data[at + k] = k < 4 ? coord : 1;
        target->data[at] = x - (dl_real)column;
        target->data[at + 1] = y - (dl_real)row;
        target->data[at + 2] = (dl_real)dli_sqrt64((double)w);
        target->data[at + 3] = (dl_real)dli_sqrt64((double)h);
        target->data[at + 4] = best;
    }
    return dl_div_scalar(c, dli_sum_all(c, dl_mul(c, dl_squared_error(c, pred, target), weight)), (dl_real)N);
}
DL_DEF dl_tensor *dl_yolo_decode_with(dl_ctx *c, dl_tensor *pred, dl_yolo_decode_opts o)
{
    int64_t S, classes, shape[2], i, k, b;
    dl_tensor *y;
    dl_real *out;
    if (!dli_check_yolo(c, "yolo_decode", pred, &o.boxes)) return DLI_NIL;
    S = pred->shape[1];
    classes = pred->shape[3] - 5 * o.boxes;
    shape[0] = pred->shape[0] * S * S * o.boxes;
    shape[1] = 7;
    y = dli_leaf(c, "yolo_decode", DL_REAL, 2, shape, 0);
    for (i = 0, out = y->data; i < y->size / 7 / o.boxes; i++) {
        const dl_real *cell = pred->data + i * pred->shape[3], *score = cell + 5 * o.boxes;
        for (b = 0, k = 1; k < classes; k++) if (score[k] > score[b]) b = k;
        for (k = 0; k < o.boxes; k++, out += 7) {
            out[0] = (dl_real)(i / (S * S));
            out[1] = (dl_real)b;
            out[2] = cell[5 * k + 4] * score[b];
            dli_yolo_box(cell + 5 * k, i / S % S, i % S, S, out + 3);
        }
    }
    return y;
}

/* A picture and a class as one number. */
static int dli_group_of(dl_ctx *c, const char *who, const dl_real *row, int32_t *group)
{
    if (row[0] >= 0 && row[0] < 65536 && row[1] >= 0 && row[1] < 32768) { *group = (int32_t)row[1] * 65536 + (int32_t)row[0]; return 1; }
    dl_fail(c, "%s: picture %g, class %g", who, (double)row[0], (double)row[1]);
    return 0;
}
DL_DEF dl_tensor *dl_detections_nms_with(dl_ctx *c, dl_tensor *detections, double iou_threshold, dl_detections_nms_opts o)
{
    const char *who = "detections_nms";
    int64_t n = 0, i, shape[2];
    int32_t *which, *group, *keep;
    dl_real *boxes, *scores;
    dl_tensor *y;
    if (!detections) return c && !c->failed ? NULL : DLI_NIL;
    if (!dli_check_boxes(c, who, "detections", detections, 7) || !dli_check_threshold(c, who, iou_threshold, detections->shape[0])) return DLI_NIL;
    shape[0] = detections->shape[0];
    shape[1] = 7;
    which = (int32_t *)dl_alloc(c, 3 * (size_t)shape[0] * sizeof *which);
    boxes = (dl_real *)dl_alloc(c, 5 * (size_t)shape[0] * sizeof *boxes);
    if (!which || !boxes) return DLI_NIL;
    group = which + shape[0];
    keep = group + shape[0];
    scores = boxes + 4 * shape[0];
    for (i = 0; i < shape[0]; i++) {
        const dl_real *d = detections->data + 7 * i;
        if (!(d[2] >= o.min_score)) continue;
        if (!dli_group_of(c, who, d, &group[n])) return DLI_NIL;
        which[n] = (int32_t)i;
        scores[n] = d[2];
        memcpy(boxes + 4 * n++, d + 3, 4 * sizeof *boxes);
    }
    if (!n) return NULL;
    shape[0] = dli_nms(c, keep, boxes, scores, group, n, iou_threshold);
    y = c->failed ? DLI_NIL : dli_leaf(c, who, DL_REAL, 2, shape, 0);
    for (i = 0; i < y->size / 7; i++) memcpy(y->data + 7 * i, detections->data + 7 * which[keep[i]], 7 * sizeof *y->data);
    return y;
}

/* --- metrics ------------------------------------------------------------------------------------------------------- */

/* Average precision of one class; order: all detections, best first; taken, precision, recall: scratch. */
static double dli_ap_of_class(const dl_tensor *det, const dl_tensor *truth, int64_t class_id, double threshold, const int32_t *order,
                              int32_t *taken, double *precision, double *recall)
{
    int64_t i, j, n = 0, right = 0, all = 0;
    double area = 0;
    for (j = 0; j < truth->shape[0]; j++) { taken[j] = 0; all += (int64_t)truth->data[6 * j + 1] == class_id; }
    for (i = 0; det && i < det->shape[0]; i++) {
        const dl_real *d = det->data + 7 * order[i];
        int64_t best = -1;
        double best_iou = 0;
        if ((int64_t)d[1] != class_id) continue;
        for (j = 0; j < truth->shape[0]; j++) {
            const dl_real *t = truth->data + 6 * j;
            double iou = (int64_t)t[1] == class_id && (int64_t)t[0] == (int64_t)d[0] ? (double)dli_iou(d + 3, t + 2) : 0;
            if (iou > best_iou) { best_iou = iou; best = j; }
        }
        if (best >= 0 && best_iou >= threshold && !taken[best]) { taken[best] = 1; right++; }
        precision[n] = (double)right / (double)(n + 1);
        recall[n++] = (double)right / (double)all;
    }
    for (i = n - 2; i >= 0; i--) if (precision[i] < precision[i + 1]) precision[i] = precision[i + 1];
    for (i = 0; i < n; i++) area += (recall[i] - (i ? recall[i - 1] : 0)) * precision[i];
    return area;
}
DL_DEF double dl_metric_ap_with(dl_ctx *c, dl_tensor *detections, dl_tensor *truth, dl_metric_ap_opts o)
{
    const char *who = "metric_ap";
    double sum = 0, *precision, threshold = o.iou == 0 ? 0.5 : (double)o.iou;
    int64_t D = 0, M, i, j, classes = 0;
    int32_t *order, *taken, group;
    dl_real *scores;
    dli_mark m;
    if (!dli_check_boxes(c, who, "truth", truth, 6)) return dl_item(NULL);
    if (detections && !dli_check_boxes(c, who, "detections", detections, 7)) return dl_item(NULL);
    M = truth->shape[0];
    if (detections) D = detections->shape[0];
    if (!dli_check_threshold(c, who, threshold, D)) return dl_item(NULL);
    for (i = 0; i < M; i++) if (!dli_group_of(c, who, truth->data + 6 * i, &group)) return dl_item(NULL);
    for (i = 0; i < D; i++) if (!dli_group_of(c, who, detections->data + 7 * i, &group)) return dl_item(NULL);
    m = dli_arena_mark(&c->step);
    order = (int32_t *)dl_alloc(c, (size_t)(2 * D + M) * sizeof *order);
    scores = (dl_real *)dl_alloc(c, (size_t)(D + 1) * sizeof *scores);
    precision = (double *)dl_alloc(c, (size_t)(2 * D + 1) * sizeof *precision);
    if (order && scores && precision) {
        taken = order + 2 * D;
        for (i = 0; i < D; i++) scores[i] = detections->data[7 * i + 2];
        dli_sort_line(scores, order, order + D, D, 1);
        for (i = 0; i < M; i++) {                                  /* each class where it first occurs */
            int64_t id = (int64_t)truth->data[6 * i + 1];
            for (j = 0; (int64_t)truth->data[6 * j + 1] != id; j++) {}
            if (j < i) continue;
            classes++;
            sum += dli_ap_of_class(detections, truth, id, threshold, order, taken, precision, precision + D);
        }
    }
    dli_arena_release(&c->step, m);
    return c->failed ? dl_item(NULL) : sum / (double)classes;
}

static int dli_check_pixels(dl_ctx *c, const char *who, const dl_tensor *pred, const dl_tensor *truth)
{
    if (!dli_check(c, who, "pred", pred, DL_INT32) || !dli_check(c, who, "truth", truth, DL_INT32)) return 0;
    if (!dli_same_shape(pred, truth)) dl_fail(c, "%s: %t with truth %t", who, pred, truth);
    return !c->failed;
}
DL_DEF double dl_metric_pixel_accuracy_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, dl_metric_pixel_accuracy_opts o)
{
    int64_t i, all = 0, right = 0;
    int ignore = dli_or(o.ignore_index, -100);
    if (!dli_check_pixels(c, "metric_pixel_accuracy", pred, truth)) return dl_item(NULL);
    for (i = 0; i < truth->size; i++) {
        all += truth->idata[i] != ignore;
        right += truth->idata[i] != ignore && truth->idata[i] == pred->idata[i];
    }
    return all ? (double)right / (double)all : dl_item(NULL);
}
DL_DEF double dl_metric_miou_with(dl_ctx *c, dl_tensor *pred, dl_tensor *truth, int classes, dl_metric_miou_opts o)
{
    const char *who = "metric_miou";
    int64_t i, *count, occurring = 0;
    int ignore = dli_or(o.ignore_index, -100), k;
    double sum = 0;
    dli_mark m;
    if (!dli_check_pixels(c, who, pred, truth)) return dl_item(NULL);
    if (classes < 1) { dl_fail(c, "%s: %d classes", who, classes); return dl_item(NULL); }
    m = dli_arena_mark(&c->step);
    count = (int64_t *)dl_alloc(c, 2 * (size_t)classes * sizeof *count);           /* in both, in either */
    if (!count) return dl_item(NULL);
    memset(count, 0, 2 * (size_t)classes * sizeof *count);
    for (i = 0; i < truth->size && !c->failed; i++) {
        int32_t p = pred->idata[i], t = truth->idata[i];
        if (t == ignore) continue;
        if (p < 0 || p >= classes || t < 0 || t >= classes) {
            dl_fail(c, "%s: prediction %d and truth %d at index %l, expected 0 to %d", who, (int)p, (int)t, i, classes - 1);
            break;
        }
        count[2 * p + 1]++;
        if (p == t) count[2 * p]++; else count[2 * t + 1]++;
    }
    for (k = 0; k < classes; k++)
        if (count[2 * k + 1]) { sum += (double)count[2 * k] / (double)count[2 * k + 1]; occurring++; }
    dli_arena_release(&c->step, m);
    return c->failed || !occurring ? dl_item(NULL) : sum / (double)occurring;
}

/* ================================================================================================
   >>models      the well-known vision networks: public functions only, as a user would write them
   ================================================================================================ */
#ifdef DL_MODELS

/* --- short words for layers and lists of them ------------------------------------------------------- */
static dl_module *dli_layers(dl_ctx *c) { return dl_nn_sequential_with(c, NULL, 0); }

static dl_module *dli_conv_groups(dl_ctx *c, int in, int out, int kernel, int stride, int padding, int groups, int no_bias)
{
    dl_nn_conv2d_opts o;
    memset(&o, 0, sizeof o);
    o.stride = stride; o.padding = padding; o.groups = groups; o.no_bias = no_bias;
    return dl_nn_conv2d_with(c, in, out, kernel, o);
}
static dl_module *dli_conv_layer(dl_ctx *c, int in, int out, int kernel, int stride, int padding)          /* with biases */
{
    return dli_conv_groups(c, in, out, kernel, stride, padding, 1, 0);
}
static dl_module *dli_conv_plain(dl_ctx *c, int in, int out, int kernel, int stride, int padding)    /* a batch norm follows */
{
    return dli_conv_groups(c, in, out, kernel, stride, padding, 1, 1);
}

static dl_module *dli_norm_layer(dl_ctx *c, int channels)
{
    dl_nn_batchnorm2d_opts o;
    memset(&o, 0, sizeof o);
    return dl_nn_batchnorm2d_with(c, channels, o);
}

static dl_module *dli_max_pooling(dl_ctx *c, int kernel, int stride, int padding, int ceil_mode)
{
    dl_nn_max_pool2d_opts o;
    memset(&o, 0, sizeof o);
    o.stride = stride; o.padding = padding; o.ceil_mode = ceil_mode;
    return dl_nn_max_pool2d_with(c, kernel, o);
}

static dl_module *dli_mean_pooling(dl_ctx *c, int kernel)
{
    dl_nn_avg_pool2d_opts o;
    memset(&o, 0, sizeof o);
    return dl_nn_avg_pool2d_with(c, kernel, o);
}

static dl_module *dli_adaptive_pooling(dl_ctx *c, int size)
{
    dl_nn_adaptive_avg_pool2d_opts o;
    memset(&o, 0, sizeof o);
    return dl_nn_adaptive_avg_pool2d_with(c, size, o);
}

static dl_module *dli_dense_layer(dl_ctx *c, int in, int out)
{
    dl_nn_linear_opts o;
    memset(&o, 0, sizeof o);
    return dl_nn_linear_with(c, in, out, o);
}

/* The finished model: He's normal initial weights for its convolutions; with dense_std > 0 normal ones for its dense layers;
   either without biases.  Nil after an error. */
static dl_module *dli_model(dl_ctx *c, dl_module *m, dl_fan mode, double dense_std)
{
    dl_init_he_normal_opts he;
    dl_param *p;
    int i;
    memset(&he, 0, sizeof he);
    he.mode = mode;
    for (i = 0; !dl_error(c) && (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) {
        if (p->tensor->ndim == 4) dl_init_he_normal_with(c, p->tensor, he);
        else if (p->tensor->ndim == 2 && dense_std > 0) dl_init_normal(c, p->tensor, 0, (dl_real)dense_std);
        else if (p->tensor->ndim == 1 && dense_std > 0 && !strcmp(p->name, "bias")) dl_init_constant(c, p->tensor, 0);
    }
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

static int dli_usual(int value, int usual) { return value ? value : usual; }

/* --- digits -------------------------------------------------------------------------------------------- */
DL_DEF dl_module *dl_model_small_cnn_with(dl_ctx *c, dl_model_small_cnn_opts o)
{
    dl_module *m = dli_layers(c);
    dl_module_add(c, m, NULL, dli_conv_layer(c, dli_usual(o.channels, 1), 32, 3, 2, 1));     /* 28 -> 14 */
    dl_module_add(c, m, NULL, dl_nn_relu(c));
    dl_module_add(c, m, NULL, dli_max_pooling(c, 2, 2, 0, 0));                         /* 7 */
    dl_module_add(c, m, NULL, dli_conv_layer(c, 32, 64, 3, 2, 1));                           /* 4 */
    dl_module_add(c, m, NULL, dl_nn_relu(c));
    dl_module_add(c, m, NULL, dli_max_pooling(c, 2, 2, 0, 0));                         /* 2 */
    dl_module_add(c, m, NULL, dl_nn_flatten(c));
    dl_module_add(c, m, NULL, dli_dense_layer(c, 256, dli_usual(o.num_classes, 10)));
    return dli_model(c, m, DL_FAN_IN, 0);
}

DL_DEF dl_module *dl_model_lenet5_with(dl_ctx *c, dl_model_lenet5_opts o)
{
    dl_module *m = dli_layers(c);
    dl_init_xavier_uniform_opts xavier;
    dl_param *p;
    int i;
    dl_module_add(c, m, "conv1", dli_conv_layer(c, dli_usual(o.channels, 1), 6, 5, 1, o.no_padding ? 0 : 2));
    dl_module_add(c, m, "sigmoid1", dl_nn_sigmoid(c));                                 /* 28 */
    dl_module_add(c, m, "pool1", dli_mean_pooling(c, 2));                              /* 14 */
    dl_module_add(c, m, "conv2", dli_conv_layer(c, 6, 16, 5, 1, 0));                         /* 10 */
    dl_module_add(c, m, "sigmoid2", dl_nn_sigmoid(c));
    dl_module_add(c, m, "pool2", dli_mean_pooling(c, 2));                              /* 5 */
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dl_module_add(c, m, "fc1", dli_dense_layer(c, 400, 120));
    dl_module_add(c, m, "sigmoid3", dl_nn_sigmoid(c));
    dl_module_add(c, m, "fc2", dli_dense_layer(c, 120, 84));
    dl_module_add(c, m, "sigmoid4", dl_nn_sigmoid(c));
    dl_module_add(c, m, "fc3", dli_dense_layer(c, 84, dli_usual(o.num_classes, 10)));
    memset(&xavier, 0, sizeof xavier);
    for (i = 0; !dl_error(c) && (p = dl_module_at(m, i, NULL, 0)) != NULL; i++)        /* sigmoids learn from nothing larger */
        if (p->tensor->ndim > 1) dl_init_xavier_uniform_with(c, p->tensor, xavier);
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

DL_DEF dl_module *dl_model_deepcnn_with(dl_ctx *c, dl_model_deepcnn_opts o)
{
    dl_module *m = dli_layers(c);
    dl_init_he_normal_opts he;
    int in = dli_usual(o.channels, 1), stage, i;
    for (stage = 0; stage < 3; stage++) {
        int out = 16 << stage;
        dl_module_add(c, m, NULL, dli_conv_layer(c, in, out, 3, 1, 1));
        dl_module_add(c, m, NULL, dl_nn_relu(c));
        dl_module_add(c, m, NULL, dli_conv_layer(c, out, out, 3, 1, stage == 1 ? 2 : 1));    /* 28, 16, 8 */
        dl_module_add(c, m, NULL, dl_nn_relu(c));
        dl_module_add(c, m, NULL, dli_max_pooling(c, 2, 2, 0, 0));                     /* 14, 8, 4 */
        in = out;
    }
    dl_module_add(c, m, NULL, dl_nn_flatten(c));
    dl_module_add(c, m, NULL, dli_dense_layer(c, 1024, 50));
    dl_module_add(c, m, NULL, dl_nn_relu(c));
    dl_module_add(c, m, NULL, dl_nn_dropout(c, DLI_C(0.5)));
    dl_module_add(c, m, NULL, dli_dense_layer(c, 50, dli_usual(o.num_classes, 10)));
    dl_module_add(c, m, NULL, dl_nn_dropout(c, DLI_C(0.5)));
    memset(&he, 0, sizeof he);
    for (i = 0; !dl_error(c) && dl_module_at(m, i, NULL, 0); i++) {
        dl_tensor *w = dl_module_at(m, i, NULL, 0)->tensor;
        if (w->ndim > 1) dl_init_he_normal_with(c, w, he);
        else dl_init_constant(c, w, 0);
    }
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

/* --- AlexNet ----------------------------------------------------------------------------------------------- */
DL_DEF dl_module *dl_model_alexnet_with(dl_ctx *c, dl_model_alexnet_opts o)
{
    static const int tower[5][5] = {                                   /* kernel, stride, padding, channels, groups */
        {11, 4, 2, 64, 1}, {5, 1, 2, 192, 1}, {3, 1, 1, 384, 1}, {3, 1, 1, 256, 1}, {3, 1, 1, 256, 1} };
    static const int towers[5][5] = {
        {11, 4, 0, 96, 1}, {5, 1, 2, 256, 2}, {3, 1, 1, 384, 1}, {3, 1, 1, 384, 2}, {3, 1, 1, 256, 2} };
    dl_module *m = dli_layers(c), *features = dl_module_add(c, m, "features", dli_layers(c)), *dense;
    dl_nn_local_response_norm_opts norm;
    int in = dli_usual(o.channels, 3), i;
    memset(&norm, 0, sizeof norm);
    norm.alpha = DLI_C(1e-4); norm.beta = DLI_C(0.75); norm.k = 2; norm.sum = 1;
    for (i = 0; i < 5; i++) {
        const int *t = o.original ? towers[i] : tower[i];
        dl_module_add(c, features, NULL, dli_conv_groups(c, in, t[3], t[0], t[1], t[2], t[4], 0));
        dl_module_add(c, features, NULL, dl_nn_relu(c));
        if (o.original && i < 2) dl_module_add(c, features, NULL, dl_nn_local_response_norm_with(c, 5, norm));
        if (i < 2 || i == 4) dl_module_add(c, features, NULL, dli_max_pooling(c, 3, 2, 0, 0));
        in = t[3];
    }
    if (!o.original) dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 6));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dense = dl_module_add(c, m, "classifier", dli_layers(c));
    for (i = 0; i < 2; i++) {
        dl_module_add(c, dense, NULL, dl_nn_dropout(c, DLI_C(0.5)));
        dl_module_add(c, dense, NULL, dli_dense_layer(c, i ? 4096 : 256 * 6 * 6, 4096));
        dl_module_add(c, dense, NULL, dl_nn_relu(c));
    }
    dl_module_add(c, dense, NULL, dli_dense_layer(c, 4096, dli_usual(o.num_classes, 1000)));
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

/* --- VGG ------------------------------------------------------------------------------------------------------ */
static void dli_vgg_stage(dl_ctx *c, dl_module *list, int n, int in, int out, int batch_norm)
{
    int i;
    for (i = 0; i < n && !dl_error(c); i++) {
        dl_module_add(c, list, NULL, dli_conv_layer(c, i ? out : in, out, 3, 1, 1));
        if (batch_norm) dl_module_add(c, list, NULL, dli_norm_layer(c, out));
        dl_module_add(c, list, NULL, dl_nn_relu(c));
    }
    dl_module_add(c, list, NULL, dli_max_pooling(c, 2, 2, 0, 0));
}

DL_DEF dl_module *dl_model_vgg_block(dl_ctx *c, int n, int in, int out)
{
    dl_module *m = dli_layers(c);
    dli_vgg_stage(c, m, n, in, out, 0);
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

DL_DEF dl_module *dl_model_vgg_with(dl_ctx *c, int layers, dl_model_vgg_opts o)
{
    static const int depth[4][6] = { {11, 1, 1, 2, 2, 2}, {13, 2, 2, 2, 2, 2}, {16, 2, 2, 3, 3, 3}, {19, 2, 2, 4, 4, 4} };
    dl_module *m = dli_layers(c), *features = dl_module_add(c, m, "features", dli_layers(c)), *dense;
    int row, stage, i, in = dli_usual(o.channels, 3);
    for (row = 0; row < 4 && depth[row][0] != layers; row++) {}
    if (row == 4) dl_fail(c, "model_vgg: %d layers, expected 11, 13, 16 or 19", layers);
    for (stage = 0; stage < 5 && !dl_error(c); stage++) {
        int out = stage < 3 ? 64 << stage : 512;
        dli_vgg_stage(c, features, depth[row][1 + stage], in, out, o.batch_norm);
        in = out;
    }
    dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 7));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dense = dl_module_add(c, m, "classifier", dli_layers(c));
    for (i = 0; i < 2; i++) {
        dl_module_add(c, dense, NULL, dli_dense_layer(c, i ? 4096 : 512 * 7 * 7, 4096));
        dl_module_add(c, dense, NULL, dl_nn_relu(c));
        dl_module_add(c, dense, NULL, dl_nn_dropout(c, DLI_C(0.5)));
    }
    dl_module_add(c, dense, NULL, dli_dense_layer(c, 4096, dli_usual(o.num_classes, 1000)));
    return dli_model(c, m, DL_FAN_OUT, 0.01);
}

/* --- GoogLeNet -------------------------------------------------------------------------------------------------- */
static dl_module *dli_conv_relu(dl_ctx *c, int in, int out, int kernel, int stride, int padding, int batch_norm)
{
    dl_module *m = dli_layers(c);
    dl_module_add(c, m, "conv", dli_conv_groups(c, in, out, kernel, stride, padding, 1, batch_norm));
    if (batch_norm) {
        dl_nn_batchnorm2d_opts o;
        memset(&o, 0, sizeof o);
        o.eps = DLI_C(1e-3);
        dl_module_add(c, m, "bn", dl_nn_batchnorm2d_with(c, out, o));
    }
    dl_module_add(c, m, "relu", dl_nn_relu(c));
    return m;
}

/* All children see x; their results side by side as channels. */
static dl_tensor *dli_branches_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    dl_tensor *y[8];
    int i;
    for (i = 0; i < self->nchildren && i < 8; i++) y[i] = dl_forward(c, self->children[i], x);
    return dl_cat(c, i, y, 1);
}
static const dl_module_type dli_inception_type = { "inception", sizeof(dl_module), dli_branches_forward };

DL_DEF dl_module *dl_model_inception_with(dl_ctx *c, int in, dl_inception_channels n, dl_model_inception_opts o)
{
    dl_module *m = dl_module_create(c, &dli_inception_type), *branch;
    int bn = o.batch_norm, wide = bn ? 3 : 5;
    if (dl_error(c)) return m;
    dl_module_add(c, m, "branch1", dli_conv_relu(c, in, n.c1, 1, 1, 0, bn));
    branch = dl_module_add(c, m, "branch2", dli_layers(c));
    dl_module_add(c, branch, NULL, dli_conv_relu(c, in, n.c3_reduce, 1, 1, 0, bn));
    dl_module_add(c, branch, NULL, dli_conv_relu(c, n.c3_reduce, n.c3, 3, 1, 1, bn));
    branch = dl_module_add(c, m, "branch3", dli_layers(c));
    dl_module_add(c, branch, NULL, dli_conv_relu(c, in, n.c5_reduce, 1, 1, 0, bn));
    dl_module_add(c, branch, NULL, dli_conv_relu(c, n.c5_reduce, n.c5, wide, 1, wide / 2, bn));
    branch = dl_module_add(c, m, "branch4", dli_layers(c));
    dl_module_add(c, branch, NULL, dli_max_pooling(c, 3, 1, 1, 1));
    dl_module_add(c, branch, NULL, dli_conv_relu(c, in, n.pool, 1, 1, 0, bn));
    return dli_model(c, m, DL_FAN_IN, 0);
}

typedef struct { dl_module base; dl_module *aux[2], *before[2]; } dli_googlenet;        /* before[i] feeds aux[i] */

static dl_tensor *dli_googlenet_run(dl_ctx *c, dl_module *self, dl_tensor *x, dl_tensor **aux)
{
    dli_googlenet *g = (dli_googlenet *)self;
    int i, k;
    for (i = 0; i < self->nchildren; i++) {
        dl_module *m = self->children[i];
        if (m == g->aux[0] || m == g->aux[1]) continue;
        x = dl_forward(c, m, x);
        for (k = 0; k < 2; k++)
            if (aux && g->aux[k] && m == g->before[k]) aux[k] = dl_forward(c, g->aux[k], x);
    }
    return x;
}
static dl_tensor *dli_googlenet_forward(dl_ctx *c, dl_module *self, dl_tensor *x) { return dli_googlenet_run(c, self, x, NULL); }
static const dl_module_type dli_googlenet_type = { "googlenet", sizeof(dli_googlenet), dli_googlenet_forward };

DL_DEF dl_tensor *dl_model_googlenet_forward(dl_ctx *c, dl_module *m, dl_tensor *x, dl_tensor *aux[2])
{
    dl_tensor *heads[2] = { DLI_NIL, DLI_NIL }, *y;
    if (m && m->type != &dli_googlenet_type) dl_fail(c, "model_googlenet_forward: the module is a %s", m->type->name);
    y = dl_error(c) || !m ? dl_forward(c, m, x) : dli_googlenet_run(c, m, x, heads);
    if (aux) { aux[0] = heads[0]; aux[1] = heads[1]; }
    return y;
}

DL_DEF dl_module *dl_model_googlenet_with(dl_ctx *c, dl_model_googlenet_opts o)
{
    static const struct { const char *name; int in; dl_inception_channels n; } blocks[9] = {
        { "inception3a", 192, {64, 96, 128, 16, 32, 32} },    { "inception3b", 256, {128, 128, 192, 32, 96, 64} },
        { "inception4a", 480, {192, 96, 208, 16, 48, 64} },   { "inception4b", 512, {160, 112, 224, 24, 64, 64} },
        { "inception4c", 512, {128, 128, 256, 24, 64, 64} },  { "inception4d", 512, {112, 144, 288, 32, 64, 64} },
        { "inception4e", 528, {256, 160, 320, 32, 128, 128} },{ "inception5a", 832, {256, 160, 320, 32, 128, 128} },
        { "inception5b", 832, {384, 192, 384, 48, 128, 128} } };
    dl_module *m = dl_module_create(c, &dli_googlenet_type);
    dli_googlenet *g = (dli_googlenet *)m;
    dl_model_inception_opts how;
    int bn = o.batch_norm, classes = dli_usual(o.num_classes, 1000), i;
    if (dl_error(c)) return m;
    memset(&how, 0, sizeof how);
    how.batch_norm = bn;
    dl_module_add(c, m, "conv1", dli_conv_relu(c, dli_usual(o.channels, 3), 64, 7, 2, 3, bn));   /* 224 -> 112 */
    dl_module_add(c, m, "maxpool1", dli_max_pooling(c, 3, 2, 0, 1));                             /* 56 */
    dl_module_add(c, m, "conv2", dli_conv_relu(c, 64, 64, 1, 1, 0, bn));
    dl_module_add(c, m, "conv3", dli_conv_relu(c, 64, 192, 3, 1, 1, bn));
    dl_module_add(c, m, "maxpool2", dli_max_pooling(c, 3, 2, 0, 1));                             /* 28 */
    for (i = 0; i < 9 && !dl_error(c); i++) {
        dl_module *block = dl_module_add(c, m, blocks[i].name, dl_model_inception_with(c, blocks[i].in, blocks[i].n, how));
        if (i == 1) dl_module_add(c, m, "maxpool3", dli_max_pooling(c, 3, 2, 0, 1));             /* 14 */
        if (i == 6) dl_module_add(c, m, "maxpool4", bn ? dli_max_pooling(c, 2, 2, 0, 1) : dli_max_pooling(c, 3, 2, 0, 1));   /* 7 */
        if (i == 2 || i == 5) g->before[i == 5] = block;
    }
    for (i = 0; i < 2 && o.aux; i++) {                                 /* 4 x 4 means, 1 x 1 convolution, two dense layers */
        dl_module *head = g->aux[i] = dl_module_add(c, m, i ? "aux2" : "aux1", dli_layers(c));
        dl_module_add(c, head, "pool", dli_adaptive_pooling(c, 4));
        dl_module_add(c, head, "conv", dli_conv_relu(c, i ? 528 : 512, 128, 1, 1, 0, bn));
        dl_module_add(c, head, "flatten", dl_nn_flatten(c));
        dl_module_add(c, head, "fc1", dli_dense_layer(c, 2048, 1024));
        dl_module_add(c, head, "relu", dl_nn_relu(c));
        dl_module_add(c, head, "dropout", dl_nn_dropout(c, DLI_C(0.7)));
        dl_module_add(c, head, "fc2", dli_dense_layer(c, 1024, classes));
    }
    dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 1));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dl_module_add(c, m, "dropout", dl_nn_dropout(c, bn ? DLI_C(0.2) : DLI_C(0.4)));
    dl_module_add(c, m, "fc", dli_dense_layer(c, 1024, classes));
    return dli_model(c, m, DL_FAN_IN, 0);
}

/* --- residual networks --------------------------------------------------------------------------------------------- */
typedef struct {
    dl_module  base;
    dl_module *conv[3], *bn[3], *downsample;             /* n of them; downsample NULL: x itself       */
    int        n, plain, pre_act;
    int        stride, channels;                         /* zero-padded shortcut, if channels is not 0 */
} dli_residual;

static dl_tensor *dli_residual_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_residual *b = (const dli_residual *)self;
    dl_batchnorm_forward_opts relu;
    dl_tensor *y = x, *shortcut = x;
    int i;
    memset(&relu, 0, sizeof relu);
    relu.activation = DL_RELU;
    if (b->pre_act) {
        y = shortcut = dl_batchnorm_forward_with(c, b->bn[0], x, relu);
        if (!b->downsample) shortcut = x;
    }
    if (b->downsample && !b->plain) shortcut = dl_forward(c, b->downsample, shortcut);
    if (b->channels && !b->plain && !dl_is_nil(x)) {
        dl_slice_opts every;
        dl_pad_opts zero;
        dl_pads pads;
        memset(&every, 0, sizeof every); memset(&zero, 0, sizeof zero); memset(&pads, 0, sizeof pads);
        every.step = b->stride;
        pads.after[1] = b->channels - x->shape[1];
        if (b->stride > 1) shortcut = dl_slice_with(c, dl_slice_with(c, x, 2, 0, INT64_MAX, every), 3, 0, INT64_MAX, every);
        if (pads.after[1]) shortcut = dl_pad_with(c, shortcut, pads, zero);
    }
    for (i = 0; i < b->n; i++) {
        y = dl_forward(c, b->conv[i], y);
        if (!b->pre_act && i == b->n - 1 && !b->plain) relu.residual = shortcut;
        if (!b->pre_act) y = dl_batchnorm_forward_with(c, b->bn[i], y, relu);
        else if (i < b->n - 1) y = dl_batchnorm_forward_with(c, b->bn[i + 1], y, relu);
    }
    return b->pre_act && !b->plain ? dl_add(c, y, shortcut) : y;
}
static const dl_module_type dli_basic_block_type = { "basic_block", sizeof(dli_residual), dli_residual_forward };
static const dl_module_type dli_bottleneck_type = { "bottleneck", sizeof(dli_residual), dli_residual_forward };

static dl_module *dli_residual_create(dl_ctx *c, const dl_module_type *type, int in, int width, dl_model_basic_block_opts o)
{
    static const char *const conv[3] = { "conv1", "conv2", "conv3" }, *const bn[3] = { "bn1", "bn2", "bn3" };
    dl_module *m = dl_module_create(c, type);
    dli_residual *b = (dli_residual *)m;
    int wide = type == &dli_bottleneck_type, out = wide ? 4 * width : width, stride = dli_usual(o.stride, 1), from = in, i;
    if (dl_error(c)) return m;
    b->n = wide ? 3 : 2;
    b->plain = o.plain;
    b->pre_act = o.pre_act;
    for (i = 0; i < b->n; i++) {
        int kernel = wide && i != 1 ? 1 : 3, to = i == b->n - 1 ? out : width;
        dl_module *layer = dli_conv_plain(c, from, to, kernel, i == wide ? stride : 1, kernel / 2), *norm = dli_norm_layer(c, o.pre_act ? from : to);
        if (o.pre_act) b->bn[i] = dl_module_add(c, m, bn[i], norm);
        b->conv[i] = dl_module_add(c, m, conv[i], layer);
        if (!o.pre_act) b->bn[i] = dl_module_add(c, m, bn[i], norm);
        from = to;
    }
    if ((stride != 1 || in != out) && !o.plain) {
        if (o.zero_pad) {
            b->stride = stride;
            b->channels = out;
            if (out < in) dl_fail(c, "%s: a zero-padded shortcut cannot make %d channels of %d", type->name, out, in);
        } else {
            b->downsample = dl_module_add(c, m, "downsample", dli_layers(c));
            dl_module_add(c, b->downsample, NULL, dli_conv_plain(c, in, out, 1, stride, 0));
            if (!o.pre_act) dl_module_add(c, b->downsample, NULL, dli_norm_layer(c, out));
        }
    }
    return dli_model(c, m, DL_FAN_OUT, 0);
}
DL_DEF dl_module *dl_model_basic_block_with(dl_ctx *c, int in, int out, dl_model_basic_block_opts o)
{
    return dli_residual_create(c, &dli_basic_block_type, in, out, o);
}
DL_DEF dl_module *dl_model_bottleneck_with(dl_ctx *c, int in, int width, dl_model_bottleneck_opts o)
{
    return dli_residual_create(c, &dli_bottleneck_type, in, width, o);
}

/* n blocks, the first with the stride of o; in: channels before and, afterwards, behind them */
static dl_module *dli_residual_stage(dl_ctx *c, const dl_module_type *type, int n, int *in, int width, dl_model_basic_block_opts o)
{
    dl_module *m = dli_layers(c);
    int i;
    for (i = 0; i < n && !dl_error(c); i++) {
        dl_module_add(c, m, NULL, dli_residual_create(c, type, *in, width, o));
        *in = type == &dli_bottleneck_type ? 4 * width : width;
        o.stride = 1;
    }
    return m;
}

static void dli_pool_and_classify(dl_ctx *c, dl_module *m, int in, int classes)
{
    dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 1));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dl_module_add(c, m, "fc", dli_dense_layer(c, in, classes));
}

DL_DEF dl_module *dl_model_resnet_with(dl_ctx *c, int layers, dl_model_resnet_opts o)
{
    static const int depth[5][5] = { {18, 2, 2, 2, 2}, {34, 3, 4, 6, 3}, {50, 3, 4, 6, 3}, {101, 3, 4, 23, 3}, {152, 3, 8, 36, 3} };
    static const char *const names[4] = { "layer1", "layer2", "layer3", "layer4" };
    const dl_module_type *type = layers < 50 ? &dli_basic_block_type : &dli_bottleneck_type;
    dl_module *m = dli_layers(c);
    dl_model_basic_block_opts how;
    int row, stage, in = 64, first = dli_usual(o.channels, 3);
    for (row = 0; row < 5 && depth[row][0] != layers; row++) {}
    if (row == 5) dl_fail(c, "model_resnet: %d layers, expected 18, 34, 50, 101 or 152", layers);
    memset(&how, 0, sizeof how);
    how.plain = o.plain;
    dl_module_add(c, m, "conv1", o.small_images ? dli_conv_plain(c, first, in, 3, 1, 1) : dli_conv_plain(c, first, in, 7, 2, 3));
    dl_module_add(c, m, "bn1", dli_norm_layer(c, in));
    dl_module_add(c, m, "relu", dl_nn_relu(c));
    if (!o.small_images) dl_module_add(c, m, "maxpool", dli_max_pooling(c, 3, 2, 1, 0));
    for (stage = 0; stage < 4 && !dl_error(c); stage++) {
        how.stride = stage ? 2 : 1;
        dl_module_add(c, m, names[stage], dli_residual_stage(c, type, depth[row][1 + stage], &in, 64 << stage, how));
    }
    dli_pool_and_classify(c, m, in, dli_usual(o.num_classes, 1000));
    return dli_model(c, m, DL_FAN_OUT, 0);
}

DL_DEF dl_module *dl_model_resnet_cifar_with(dl_ctx *c, int n, dl_model_resnet_cifar_opts o)
{
    static const char *const names[3] = { "layer1", "layer2", "layer3" };
    dl_module *m = dli_layers(c);
    dl_model_basic_block_opts how;
    int stage, in = 16;
    if (n < 1 || n > 1000) dl_fail(c, "model_resnet_cifar: 6 n + 2 layers with n %d, expected 1 to 1000", n);
    memset(&how, 0, sizeof how);
    how.plain = o.plain; how.pre_act = o.pre_act; how.zero_pad = !o.projection;
    dl_module_add(c, m, "conv1", dli_conv_plain(c, dli_usual(o.channels, 3), in, 3, 1, 1));
    if (!o.pre_act) {
        dl_module_add(c, m, "bn1", dli_norm_layer(c, in));
        dl_module_add(c, m, "relu", dl_nn_relu(c));
    }
    for (stage = 0; stage < 3 && !dl_error(c); stage++) {
        how.stride = stage ? 2 : 1;
        dl_module_add(c, m, names[stage], dli_residual_stage(c, &dli_basic_block_type, n, &in, 16 << stage, how));
    }
    if (o.pre_act) {
        dl_module_add(c, m, "bn", dli_norm_layer(c, in));
        dl_module_add(c, m, "relu", dl_nn_relu(c));
    }
    dli_pool_and_classify(c, m, in, dli_usual(o.num_classes, 10));
    return dli_model(c, m, DL_FAN_OUT, 0);
}

/* --- MobileNetV2 ------------------------------------------------------------------------------------------------------ */
static dl_tensor *dli_relu6(dl_ctx *c, dl_tensor *x) { return dl_clamp(c, x, 0, 6); }

static void dli_conv_norm(dl_ctx *c, dl_module *list, int in, int out, int kernel, int stride, int groups)
{
    dl_module_add(c, list, NULL, dli_conv_groups(c, in, out, kernel, stride, kernel / 2, groups, 1));
    dl_module_add(c, list, NULL, dli_norm_layer(c, out));
}
static dl_module *dli_conv_norm_relu6(dl_ctx *c, int in, int out, int kernel, int stride, int groups)
{
    dl_module *m = dli_layers(c);
    dli_conv_norm(c, m, in, out, kernel, stride, groups);
    dl_module_add(c, m, NULL, dl_nn_function(c, "relu6", dli_relu6));
    return m;
}

typedef struct { dl_module base; dl_module *conv; int skip; } dli_inverted;

static dl_tensor *dli_inverted_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_inverted *b = (const dli_inverted *)self;
    dl_tensor *y = dl_forward(c, b->conv, x);
    return b->skip ? dl_add(c, x, y) : y;
}
static const dl_module_type dli_inverted_type = { "inverted_residual", sizeof(dli_inverted), dli_inverted_forward };

/* 1 x 1 to expand in channels, 3 x 3 each channel by itself, 1 x 1 to out */
static dl_module *dli_inverted_create(dl_ctx *c, int in, int out, int stride, int expand)
{
    dl_module *m = dl_module_create(c, &dli_inverted_type);
    dli_inverted *b = (dli_inverted *)m;
    int wide = expand * in;
    if (dl_error(c)) return m;
    b->skip = stride == 1 && in == out;
    b->conv = dl_module_add(c, m, "conv", dli_layers(c));
    if (expand > 1) dl_module_add(c, b->conv, NULL, dli_conv_norm_relu6(c, in, wide, 1, 1, 1));
    dl_module_add(c, b->conv, NULL, dli_conv_norm_relu6(c, wide, wide, 3, stride, wide));
    dli_conv_norm(c, b->conv, wide, out, 1, 1, 1);
    return m;
}

DL_DEF dl_module *dl_model_mobilenet_v2_with(dl_ctx *c, dl_model_mobilenet_v2_opts o)
{
    static const int plan[7][4] = {                                    /* expand, channels, blocks, stride */
        {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1} };
    dl_module *m = dli_layers(c), *features = dl_module_add(c, m, "features", dli_layers(c)), *dense;
    int in = 32, row, i;
    dl_module_add(c, features, NULL, dli_conv_norm_relu6(c, dli_usual(o.channels, 3), in, 3, 2, 1));
    for (row = 0; row < 7; row++)
        for (i = 0; i < plan[row][2] && !dl_error(c); i++) {
            dl_module_add(c, features, NULL, dli_inverted_create(c, in, plan[row][1], i ? 1 : plan[row][3], plan[row][0]));
            in = plan[row][1];
        }
    dl_module_add(c, features, NULL, dli_conv_norm_relu6(c, in, 1280, 1, 1, 1));
    dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 1));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dense = dl_module_add(c, m, "classifier", dli_layers(c));
    dl_module_add(c, dense, NULL, dl_nn_dropout(c, DLI_C(0.2)));
    dl_module_add(c, dense, NULL, dli_dense_layer(c, 1280, dli_usual(o.num_classes, 1000)));
    return dli_model(c, m, DL_FAN_OUT, 0.01);
}

/* --- DenseNet -------------------------------------------------------------------------------------------------------------- */
static dl_tensor *dli_dense_block_forward(dl_ctx *c, dl_module *self, dl_tensor *x)    /* each layer sees all before it */
{
    dl_tensor *both[2];
    int i;
    for (i = 0; i < self->nchildren; i++) {
        both[0] = x;
        both[1] = dl_forward(c, self->children[i], x);
        x = dl_cat(c, 2, both, 1);
    }
    return x;
}
static const dl_module_type dli_dense_block_type = { "dense_block", sizeof(dl_module), dli_dense_block_forward };

DL_DEF dl_module *dl_model_densenet_with(dl_ctx *c, int layers, dl_model_densenet_opts o)
{
    static const int depth[4][7] = {                                   /* layers, growth, first channels, layers of the blocks */
        {121, 32, 64, 6, 12, 24, 16}, {161, 48, 96, 6, 12, 36, 24}, {169, 32, 64, 6, 12, 32, 32}, {201, 32, 64, 6, 12, 48, 32} };
    dl_module *m = dli_layers(c), *features = dl_module_add(c, m, "features", dli_layers(c)), *block, *layer;
    int row, k, i, in, growth;
    char name[32];
    for (row = 0; row < 4 && depth[row][0] != layers; row++) {}
    if (row == 4) dl_fail(c, "model_densenet: %d layers, expected 121, 161, 169 or 201", layers);
    if (dl_error(c)) return dl_module_create(c, NULL);
    growth = depth[row][1];
    in = depth[row][2];
    dl_module_add(c, features, "conv0", dli_conv_plain(c, dli_usual(o.channels, 3), in, 7, 2, 3));
    dl_module_add(c, features, "norm0", dli_norm_layer(c, in));
    dl_module_add(c, features, "relu0", dl_nn_relu(c));
    dl_module_add(c, features, "pool0", dli_max_pooling(c, 3, 2, 1, 0));
    strcpy(name, "denseblock0");
    for (k = 0; k < 4 && !dl_error(c); k++) {
        name[10] = (char)('1' + k);
        block = dl_module_add(c, features, name, dl_module_create(c, &dli_dense_block_type));
        for (i = 0; i < depth[row][3 + k] && !dl_error(c); i++) {
            char number[16] = "denselayer";
            number[10] = (char)('0' + (i + 1) / 10);
            number[11] = (char)('0' + (i + 1) % 10);
            if (i < 9) { number[10] = number[11]; number[11] = 0; }
            layer = dl_module_add(c, block, number, dli_layers(c));
            dl_module_add(c, layer, "norm1", dli_norm_layer(c, in));
            dl_module_add(c, layer, "relu1", dl_nn_relu(c));
            dl_module_add(c, layer, "conv1", dli_conv_plain(c, in, 4 * growth, 1, 1, 0));
            dl_module_add(c, layer, "norm2", dli_norm_layer(c, 4 * growth));
            dl_module_add(c, layer, "relu2", dl_nn_relu(c));
            dl_module_add(c, layer, "conv2", dli_conv_plain(c, 4 * growth, growth, 3, 1, 1));
            in += growth;
        }
        if (k == 3) break;
        {
            char transition[12] = "transition1";
            transition[10] = (char)('1' + k);
            layer = dl_module_add(c, features, transition, dli_layers(c));
        }
        dl_module_add(c, layer, "norm", dli_norm_layer(c, in));
        dl_module_add(c, layer, "relu", dl_nn_relu(c));
        dl_module_add(c, layer, "conv", dli_conv_plain(c, in, in / 2, 1, 1, 0));
        dl_module_add(c, layer, "pool", dli_mean_pooling(c, 2));
        in /= 2;
    }
    dl_module_add(c, features, "norm5", dli_norm_layer(c, in));
    dl_module_add(c, m, "relu", dl_nn_relu(c));
    dl_module_add(c, m, "avgpool", dli_adaptive_pooling(c, 1));
    dl_module_add(c, m, "flatten", dl_nn_flatten(c));
    dl_module_add(c, m, "classifier", dli_dense_layer(c, in, dli_usual(o.num_classes, 1000)));
    return dli_model(c, m, DL_FAN_IN, 0);
}

/* --- fully convolutional network -------------------------------------------------------------------------------------------- */
typedef struct { dl_module base; dl_module *stage[5], *score, *score_pool4, *score_pool3, *up2, *up4, *up; } dli_fcn;

static dl_tensor *dli_fcn_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_fcn *f = (const dli_fcn *)self;
    dl_tensor *y = x, *pool[5];
    int i;
    for (i = 0; i < 5; i++) y = pool[i] = dl_forward(c, f->stage[i], y);
    y = dl_forward(c, f->score, y);                                                    /* 1/32 */
    if (f->up2) y = dl_add(c, dl_forward(c, f->up2, y), dl_forward(c, f->score_pool4, pool[3]));       /* 1/16 */
    if (f->up4) y = dl_add(c, dl_forward(c, f->up4, y), dl_forward(c, f->score_pool3, pool[2]));       /* 1/8 */
    return dl_forward(c, f->up, y);
}
static const dl_module_type dli_fcn_type = { "fcn", sizeof(dli_fcn), dli_fcn_forward };

/* (N, C, H, W) -> (N, C, factor H, factor W), bilinear interpolation until it is trained */
static dl_module *dli_upsampling(dl_ctx *c, int channels, int factor)
{
    dl_nn_conv_transpose2d_opts o;
    dl_module *m;
    dl_tensor *w;
    int64_t k, i, j, size = 2 * factor;
    memset(&o, 0, sizeof o);
    o.stride = factor; o.padding = factor / 2; o.no_bias = 1;
    m = dl_nn_conv_transpose2d_with(c, channels, channels, size, o);
    w = dl_error(c) ? NULL : dl_module_get(c, m, "weight");
    if (!w) return m;
    dl_init_constant(c, w, 0);
    for (k = 0; k < channels; k++)
        for (i = 0; i < size; i++)
            for (j = 0; j < size; j++) {
                double a = i < factor ? (double)i + 0.5 : (double)(size - i) - 0.5, b = j < factor ? (double)j + 0.5 : (double)(size - j) - 0.5;
                w->data[((k * channels + k) * size + i) * size + j] = (dl_real)(a * b / ((double)factor * factor));
            }
    return m;
}

DL_DEF dl_module *dl_model_fcn_with(dl_ctx *c, int num_classes, dl_model_fcn_opts o)
{
    static const char *const names[5] = { "stage1", "stage2", "stage3", "stage4", "stage5" };
    dl_module *m = dl_module_create(c, &dli_fcn_type);
    dli_fcn *f = (dli_fcn *)m;
    int width = dli_usual(o.width, 64), upsample = dli_usual(o.upsample, 8), in = dli_usual(o.channels, 3), i;
    if (num_classes < 1 || width < 1 || width > 4096 || (upsample != 8 && upsample != 16 && upsample != 32))
        dl_fail(c, "model_fcn: %d classes, width %d, upsample %d, expected 8, 16 or 32", num_classes, width, upsample);
    if (dl_error(c)) return dl_module_create(c, NULL);
    for (i = 0; i < 5; i++) {
        int out = width << (i < 3 ? i : 3);
        f->stage[i] = dl_module_add(c, m, names[i], dl_model_vgg_block(c, i < 2 ? 2 : 3, in, out));
        in = out;
    }
    f->score = dl_module_add(c, m, "score", dli_layers(c));
    dl_module_add(c, f->score, "fc6", dli_conv_layer(c, in, 64 * width, 7, 1, 3));
    dl_module_add(c, f->score, "relu6", dl_nn_relu(c));
    dl_module_add(c, f->score, "drop6", dl_nn_dropout(c, DLI_C(0.5)));
    dl_module_add(c, f->score, "fc7", dli_conv_layer(c, 64 * width, 64 * width, 1, 1, 0));
    dl_module_add(c, f->score, "relu7", dl_nn_relu(c));
    dl_module_add(c, f->score, "drop7", dl_nn_dropout(c, DLI_C(0.5)));
    dl_module_add(c, f->score, "score_fr", dli_conv_layer(c, 64 * width, num_classes, 1, 1, 0));
    if (upsample <= 16) f->score_pool4 = dl_module_add(c, m, "score_pool4", dli_conv_layer(c, 8 * width, num_classes, 1, 1, 0));
    if (upsample == 8) f->score_pool3 = dl_module_add(c, m, "score_pool3", dli_conv_layer(c, 4 * width, num_classes, 1, 1, 0));
    m = dli_model(c, m, DL_FAN_IN, 0);
    if (dl_error(c)) return m;
    if (upsample <= 16) f->up2 = dl_module_add(c, m, "upscore2", dli_upsampling(c, num_classes, 2));
    if (upsample == 8) f->up4 = dl_module_add(c, m, "upscore_pool4", dli_upsampling(c, num_classes, 2));
    f->up = dl_module_add(c, m, "upscore", dli_upsampling(c, num_classes, upsample));
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}

/* --- U-Net -------------------------------------------------------------------------------------------------------------------- */
enum { DLI_UNET_DEPTH = 8 };
typedef struct { dl_module base; dl_module *in, *down[DLI_UNET_DEPTH], *up[DLI_UNET_DEPTH], *conv[DLI_UNET_DEPTH], *out; int depth; } dli_unet;

static dl_tensor *dli_unet_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    const dli_unet *u = (const dli_unet *)self;
    dl_tensor *y[DLI_UNET_DEPTH + 1], *both[2];
    int i;
    y[0] = dl_forward(c, u->in, x);
    for (i = 0; i < u->depth; i++) y[i + 1] = dl_forward(c, u->down[i], y[i]);
    x = y[u->depth];
    for (i = 0; i < u->depth; i++) {
        both[0] = y[u->depth - 1 - i];
        both[1] = dl_forward(c, u->up[i], x);
        x = dl_forward(c, u->conv[i], dl_cat(c, 2, both, 1));
    }
    return dl_forward(c, u->out, x);
}
static const dl_module_type dli_unet_type = { "unet", sizeof(dli_unet), dli_unet_forward };

static dl_module *dli_double_conv(dl_ctx *c, int in, int out)
{
    dl_module *m = dli_layers(c), *list = dl_module_add(c, m, "double_conv", dli_layers(c));
    int i;
    for (i = 0; i < 2; i++) {
        dl_module_add(c, list, NULL, dli_conv_plain(c, i ? out : in, out, 3, 1, 1));
        dl_module_add(c, list, NULL, dli_norm_layer(c, out));
        dl_module_add(c, list, NULL, dl_nn_relu(c));
    }
    return m;
}

DL_DEF dl_module *dl_model_unet_with(dl_ctx *c, int num_classes, dl_model_unet_opts o)
{
    dl_module *m = dl_module_create(c, &dli_unet_type), *list;
    dli_unet *u = (dli_unet *)m;
    int width = dli_usual(o.width, 64), depth = dli_usual(o.depth, 4), i;
    char down[8] = "down1", up[8] = "up1";
    if (num_classes < 1 || width < 1 || width > 65536 || depth < 1 || depth > DLI_UNET_DEPTH)
        dl_fail(c, "model_unet: %d classes, width %d, depth %d, expected 1 to %d", num_classes, width, depth, (int)DLI_UNET_DEPTH);
    if (dl_error(c)) return dl_module_create(c, NULL);
    u->depth = depth;
    u->in = dl_module_add(c, m, "inc", dli_double_conv(c, dli_usual(o.channels, 3), width));
    for (i = 0; i < depth && !dl_error(c); i++) {
        down[4] = (char)('1' + i);
        u->down[i] = dl_module_add(c, m, down, dli_layers(c));
        list = dl_module_add(c, u->down[i], "maxpool_conv", dli_layers(c));
        dl_module_add(c, list, NULL, dli_max_pooling(c, 2, 2, 0, 0));
        dl_module_add(c, list, NULL, dli_double_conv(c, width << i, width << (i + 1)));
    }
    for (i = 0; i < depth && !dl_error(c); i++) {
        int from = width << (depth - i);
        dl_nn_conv_transpose2d_opts twice;
        memset(&twice, 0, sizeof twice);
        twice.stride = 2;
        up[2] = (char)('1' + i);
        list = dl_module_add(c, m, up, dli_layers(c));
        u->up[i] = dl_module_add(c, list, "up", dl_nn_conv_transpose2d_with(c, from, from / 2, 2, twice));
        u->conv[i] = dl_module_add(c, list, "conv", dli_double_conv(c, from, from / 2));
    }
    list = dl_module_add(c, m, "outc", dli_layers(c));
    u->out = dl_module_add(c, list, "conv", dli_conv_layer(c, width, num_classes, 1, 1, 0));
    return dl_error(c) ? dl_module_create(c, NULL) : m;
}
#endif

/* ================================================================================================
   >>images      PGM and PPM files, other formats through stb; resizing, grids
   ================================================================================================ */
#ifndef DL_NO_STDIO
#define DLI_MAX_PIXELS 20000000

typedef struct { unsigned char *p; int64_t h, w; int channels; } dli_picture;          /* (h, w, channels) bytes */

static unsigned char *dli_picture_bytes(dl_ctx *c, dli_file *f, dli_arena *a, int64_t n)
{
    void *p = dli_arena_push(a, (size_t)n);
    if (!p) dli_file_fail_text(c, f, "out of memory");
    return (unsigned char *)p;
}

static int dli_picture_size(dl_ctx *c, dli_file *f, dli_picture *y, int64_t h, int64_t w, int channels)
{
    if (h < 1 || w < 1) return dli_file_fail(c, f, "BadSize", 0, "height and width, at least", 1, dli_min64(h, w));
    if (w > DLI_MAX_PIXELS / h) return dli_file_fail(c, f, "SizeOverflow", 0, "width, at most", DLI_MAX_PIXELS / h, w);
    y->h = h; y->w = w; y->channels = channels;
    return 1;
}

/* --- PGM, PPM: P5 or P6, width, height, largest value as text with # comments, one space, the bytes ------------------------ */
static int64_t dli_pnm_number(const unsigned char *b, int64_t n, int64_t *at)          /* -1: none */
{
    int64_t i = *at, v = -1;
    for (; i < n && (b[i] == '#' || b[i] == ' ' || (b[i] >= '\t' && b[i] <= '\r')); i++)
        if (b[i] == '#') while (i < n && b[i] != '\n') i++;
    for (; i < n && b[i] >= '0' && b[i] <= '9' && v < 100000000; i++) v = (v < 0 ? 0 : v * 10) + b[i] - '0';
    *at = i;
    return v;
}

static int dli_pnm_decode(dl_ctx *c, dli_file *f, unsigned char *b, int64_t n, dli_picture *y)
{
    int64_t at = 2, w = dli_pnm_number(b, n, &at), h = dli_pnm_number(b, n, &at), most = dli_pnm_number(b, n, &at), need, i;
    if (++at > n) return dli_file_fail(c, f, "HeaderTruncated", n, "bytes, at least", at, n);
    if (!dli_picture_size(c, f, y, h, w, b[1] == '5' ? 1 : 3)) return 0;
    if (most < 1 || most > 255) return dli_file_fail(c, f, "UnsupportedType", at - 1, "largest value, 1 to 255", 255, most);
    need = h * w * y->channels;
    if (n - at < need) return dli_file_fail(c, f, "DataTruncated", at, "bytes of pixels", need, n - at);
    if (n - at > need) return dli_file_fail(c, f, "TrailingData", at + need, "bytes of pixels", need, n - at);
    y->p = b + at;
    for (i = 0; most < 255 && i < need; i++) y->p[i] = (unsigned char)dli_min64((y->p[i] * 255 + most / 2) / most, 255);
    return 1;
}

static int dli_stb_decode(dl_ctx *c, dli_file *f, const unsigned char *b, int64_t n, dli_arena *scratch, dli_picture *y)
{
#ifdef STBI_INCLUDE_STB_IMAGE_H
    int w, h, channels;
    int64_t bytes;
    unsigned char *p;
    (void)scratch;
    if (!stbi_info_from_memory(b, (int)n, &w, &h, &channels)) return dli_file_fail_text(c, f, stbi_failure_reason());
    if (!dli_picture_size(c, f, y, h, w, channels)) return 0;
    p = stbi_load_from_memory(b, (int)n, &w, &h, &channels, y->channels);
    if (!p) return dli_file_fail_text(c, f, stbi_failure_reason());
    bytes = w == y->w && h == y->h ? y->h * y->w * y->channels : 0;
    y->p = bytes ? dli_picture_bytes(c, f, scratch, bytes) : NULL;
    if (y->p) memcpy(y->p, p, (size_t)bytes);
    stbi_image_free(p);
    return y->p ? 1 : dli_file_fail_text(c, f, "the picture is not as large as its header says");
#else
    (void)b; (void)n; (void)scratch; (void)y;
    return dli_file_fail_text(c, f, "BadMagic at byte 0: neither P5 (PGM) nor P6 (PPM); include stb_image.h before dl.h for other formats");
#endif
}

/* --- channels: grey of a colour is Pillow's (299 R + 587 G + 114 B) / 1000, in 16 bits; the 2nd of 2, 4th of 4 is transparency */
static int dli_picture_channels(dl_ctx *c, dli_file *f, dli_picture *x, int channels, dli_arena *scratch)
{
    int from = x->channels, to = channels ? channels : from < 3 ? 1 : 3, k;
    int64_t i, n = x->h * x->w;
    unsigned char *y, *p = x->p;
    if (from == to) return 1;
    y = x->p = dli_picture_bytes(c, f, scratch, n * to);
    if (!y) return 0;
    for (i = 0; i < n; i++, p += from, y += to) {
        if (from >= 3 && to == 1) y[0] = (unsigned char)((19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16);
        else for (k = 0; k < to; k++) y[k] = p[from >= 3 ? k : 0];
    }
    x->channels = to;
    return 1;
}

/* --- resizing: bilinear with antialiasing, as Pillow: an output pixel is a mean of the input pixels around its centre with
   weights max(0, 1 - distance / scale), scale = max(1, in / out), in whole numbers of 22 bits, so that every system gets the
   same pixels.  Along the axis of size `in` of (outer, in, inner). */
static double dli_triangle(int64_t j, double centre, double scale)
{
    double d = ((double)j - centre + 0.5) * (1 / scale);
    d = d < 0 ? -d : d;
    return d < 1 ? 1 - d : 0;
}

static int dli_resize_axis(dl_ctx *c, dli_file *f, dli_arena *scratch, dli_picture *x, int64_t outer, int64_t in, int64_t out, int64_t inner)
{
    double step = (double)in / (double)out, scale = step > 1 ? step : 1;
    unsigned char *y = dli_picture_bytes(c, f, scratch, outer * out * inner);
    int32_t *w = (int32_t *)(void *)dli_picture_bytes(c, f, scratch, ((int64_t)scale * 2 + 4) * (int64_t)sizeof *w);
    int64_t i, j, k, o, first, last;
    if (!y || !w) return 0;
    for (i = 0; i < out; i++) {
        double centre = ((double)i + 0.5) * step, sum = 0;
        first = dli_max64((int64_t)(centre - scale + 0.5), 0);
        last = dli_min64((int64_t)(centre + scale + 0.5), in);
        for (j = first; j < last; j++) sum += dli_triangle(j, centre, scale);
        for (j = first; j < last; j++) w[j - first] = (int32_t)(0.5 + dli_triangle(j, centre, scale) / sum * (1 << 22));
        for (o = 0; o < outer; o++)
            for (k = 0; k < inner; k++) {
                int32_t s = 1 << 21;
                for (j = first; j < last; j++) s += w[j - first] * x->p[(o * in + j) * inner + k];
                s >>= 22;
                y[(o * out + i) * inner + k] = (unsigned char)(s > 255 ? 255 : s);
            }
    }
    x->p = y;
    return 1;
}

static int dli_picture_resize(dl_ctx *c, dli_file *f, dli_arena *scratch, dli_picture *x, int size)
{
    int64_t shorter = dli_min64(x->h, x->w), h = x->h * size / shorter, w = x->w * size / shorter;
    if (w > DLI_MAX_PIXELS / h) return dli_file_fail(c, f, "SizeOverflow", 0, "width after .resize, at most", DLI_MAX_PIXELS / h, w);
    if (w != x->w && !dli_resize_axis(c, f, scratch, x, x->h, x->w, w, x->channels)) return 0;
    x->w = w;
    if (h != x->h && !dli_resize_axis(c, f, scratch, x, 1, x->h, h, w * x->channels)) return 0;
    x->h = h;
    return 1;
}

/* --- loading ------------------------------------------------------------------------------------------ */
static int dli_picture_load(dl_ctx *c, dli_file *f, const char *path, dl_image_load_opts o, dli_arena *scratch, dli_picture *y)
{
    unsigned char *b;
    int64_t n;
    if (!dli_file_open(c, f, "image_load", path)) return 0;
    n = f->length;
    if (n < 3 || n > INT32_MAX) return dli_file_fail(c, f, "BadSize", 0, "length of the file, up to 2^31 - 1 and at least", 3, n);
    b = dli_picture_bytes(c, f, scratch, n);
    if (!b || !dli_file_read(c, f, b, n, "DataTruncated")) return 0;
    if (!(b[0] == 'P' && (b[1] == '5' || b[1] == '6') ? dli_pnm_decode(c, f, b, n, y) : dli_stb_decode(c, f, b, n, scratch, y)) ||
        !dli_picture_channels(c, f, y, o.channels, scratch)) return 0;
    if (o.resize && !dli_picture_resize(c, f, scratch, y, o.resize)) return 0;
    if (o.crop > dli_min64(y->h, y->w))
        return dli_file_fail(c, f, "BadSize", 0, "height and width for .crop, at least", o.crop, dli_min64(y->h, y->w));
    dli_file_close(f);
    return 1;
}

DL_DEF dl_tensor *dl_image_load_with(dl_ctx *c, const char *path, dl_image_load_opts o)
{
    dli_picture p = {NULL, 0, 0, 0};
    dl_tensor *x = DLI_NIL;
    dli_file f;
    dli_mark mark;
    int64_t shape[4], top, left, i, j;
    int k;
    if (!c || c->failed) return x;
    if (o.resize < 0 || o.crop < 0 || (o.channels != 0 && o.channels != 1 && o.channels != 3) ||
        !(o.std[0] >= 0) || !(o.std[1] >= 0) || !(o.std[2] >= 0))
        return dl_fail(c, "image_load: resize %d, crop %d, channels %d (0, 1 or 3), std (%g,%g,%g)", o.resize, o.crop, o.channels,
                       (double)o.std[0], (double)o.std[1], (double)o.std[2]);
    mark = dli_arena_mark(&c->keep);                                   /* a place for the bytes, while the tensor takes the step */
    if (dli_picture_load(c, &f, path, o, &c->keep, &p)) {
        shape[0] = 1; shape[1] = p.channels;
        shape[2] = o.crop ? o.crop : p.h; shape[3] = o.crop ? o.crop : p.w;
        top = (p.h - shape[2]) / 2; left = (p.w - shape[3]) / 2;
        if ((p.h - shape[2]) % 2) top += top % 2;                      /* half a pixel goes to the even side, as in Python */
        if ((p.w - shape[3]) % 2) left += left % 2;
        x = dli_leaf(c, "image_load", DL_REAL, 4, shape, 0);
        for (k = 0; x->size && k < p.channels; k++)
            for (i = 0; i < shape[2]; i++)
                for (j = 0; j < shape[3]; j++) {
                    dl_real v = (dl_real)(p.p[((top + i) * p.w + left + j) * p.channels + k] / 255.0);
                    x->data[(k * shape[2] + i) * shape[3] + j] = (v - o.mean[k]) / (o.std[k] > 0 ? o.std[k] : 1);
                }
    }
    dli_arena_release(&c->keep, mark);
    return x;
}

/* --- saving --------------------------------------------------------------------------------------------- */
static void dli_image_write(void *file, void *bytes, int n) { fwrite(bytes, 1, (size_t)n, (FILE *)file); }      /* ferror keeps a failure */

static int dli_ends_with(const char *s, const char *end)               /* end: lower case */
{
    size_t n = strlen(s), m = strlen(end), i;
    for (i = 0; i < m && m <= n; i++) {
        char ch = s[n - m + i];
        if ((ch >= 'A' && ch <= 'Z' ? ch + 32 : ch) != end[i]) return 0;
    }
    return m <= n;
}

DL_DEF int dl_image_save(dl_ctx *c, const dl_tensor *x, const char *path)
{
    int64_t h, w, i, n;
    int channels, k, png, ok;
    unsigned char *bytes;
    char head[64];
    dli_mark mark;
    FILE *file;
    if (!dli_check(c, "image_save", "x", x, DL_REAL)) return 0;
    if (!path) { dl_fail(c, "image_save: the path is NULL"); return 0; }
    png = dli_ends_with(path, ".png");
    if (!png && !dli_ends_with(path, ".pgm") && !dli_ends_with(path, ".ppm")) {
        dl_fail(c, "image_save: \"%s\": the name must end in .pgm, .ppm or .png", path);
        return 0;
    }
    channels = x->ndim > 2 && x->shape[x->ndim - 3] <= 3 ? (int)x->shape[x->ndim - 3] : 1;
    h = x->ndim > 1 ? x->shape[x->ndim - 2] : 0;
    w = x->ndim > 1 ? x->shape[x->ndim - 1] : 0;
    n = h * w;
    if (channels == 2 || n * channels != x->size || n > INT32_MAX / 4) {
        dl_fail(c, "image_save: %t is no picture: (H,W), (C,H,W) or (1,C,H,W) with 1 or 3 channels", x);
        return 0;
    }
#ifndef INCLUDE_STB_IMAGE_WRITE_H
    if (png) { dl_fail(c, "image_save: \"%s\": include stb_image_write.h before dl.h to write PNG", path); return 0; }
#endif
    mark = dli_arena_mark(&c->step);
    bytes = (unsigned char *)dl_alloc(c, (size_t)x->size);
    file = bytes ? fopen(path, "wb") : NULL;
    if (!file) { dl_fail(c, "image_save: \"%s\": cannot open it: %s", path, strerror(errno)); return 0; }
    for (k = 0; k < channels; k++)
        for (i = 0; i < n; i++) {
            dl_real v = x->data[k * n + i];
            bytes[i * channels + k] = (unsigned char)(!(v > 0) ? 0 : v >= 1 ? 255 : (int)(v * 255 + DLI_C(0.5)));
        }
    if (!png) {
        snprintf(head, sizeof head, "P%d\n%d %d\n255\n", channels == 1 ? 5 : 6, (int)w, (int)h);
        dli_image_write(file, head, (int)strlen(head));
        dli_image_write(file, bytes, (int)x->size);
        ok = 1;
    } else {
#ifdef INCLUDE_STB_IMAGE_WRITE_H
        ok = stbi_write_png_to_func(dli_image_write, file, (int)w, (int)h, channels, bytes, 0);
#else
        ok = 0;
#endif
    }
    ok &= !ferror(file);
    ok &= fclose(file) == 0;
    if (!ok) { remove(path); dl_fail(c, "image_save: \"%s\": cannot write it", path); }
    dli_arena_release(&c->step, mark);
    return ok;
}

/* --- grids ------------------------------------------------------------------------------------------------ */
DL_DEF dl_tensor *dl_image_grid_with(dl_ctx *c, const dl_tensor *x, dl_image_grid_opts o)
{
    int64_t N, C, H, W, columns, rows, shape[4], n, k, i, j, padding;
    dl_real low = o.value_range[0], high = o.value_range[1];
    int range = low != high, scale = range || o.normalize || o.scale_each;
    dl_tensor *y;
    if (!dli_check(c, "image_grid", "x", x, DL_REAL)) return DLI_NIL;
    o.nrow = o.nrow ? o.nrow : 8;
    padding = dli_or(o.padding, 2);
    if (x->ndim != 4 || o.nrow < 1 || padding < 0 || padding > 4096)
        return dl_fail(c, "image_grid: %t with nrow %d and padding %d, expected (N,C,H,W), at least 1 and 0", x, o.nrow, (int)padding);
    if (range && !(low < high)) return dl_fail(c, "image_grid: value_range from %g to %g", (double)low, (double)high);
    N = x->shape[0]; C = x->shape[1]; H = x->shape[2]; W = x->shape[3];
    if (N == 1) padding = 0;
    columns = dli_min64(o.nrow, N);
    rows = (N + columns - 1) / columns;
    if (H > INT32_MAX || W > INT32_MAX) return dl_fail(c, "image_grid: %t is too large", x);
    shape[0] = 1; shape[1] = C;
    shape[2] = rows * (H + padding) + padding;
    shape[3] = columns * (W + padding) + padding;
    y = dli_leaf(c, "image_grid", DL_REAL, 4, shape, 0);
    for (i = 0; i < y->size; i++) y->data[i] = o.pad_value;
    for (n = 0; y->size && n < N; n++) {
        const dl_real *from = x->data + n * C * H * W;
        if (!range && scale && (n == 0 || o.scale_each)) {             /* this picture's range, or that of all */
            int64_t size = o.scale_each ? C * H * W : x->size;
            low = c->k->min(from, size);
            high = c->k->max(from, size);
        }
        for (k = 0; k < C; k++)
            for (i = 0; i < H; i++) {
                dl_real *to = y->data + ((k * shape[2]) + n / columns * (H + padding) + padding + i) * shape[3] +
                              n % columns * (W + padding) + padding;
                for (j = 0; j < W; j++, from++) {
                    dl_real v = *from < low ? low : *from > high ? high : *from;
                    to[j] = scale ? (v - low) / (high - low > DLI_C(1e-5) ? high - low : DLI_C(1e-5)) : *from;
                }
            }
    }
    return y;
}

DL_DEF int dl_image_save_grid_with(dl_ctx *c, const dl_tensor *x, const char *path, dl_image_save_grid_opts o)
{
    return dl_image_save(c, dl_image_grid_with(c, x, o), path);
}
#endif
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

DL_DEF void dl_init_zeros(dl_ctx *c, dl_tensor *w) { dl_init_constant(c, w, 0); }
DL_DEF void dl_init_ones(dl_ctx *c, dl_tensor *w)  { dl_init_constant(c, w, 1); }

DL_DEF void dl_init_eye(dl_ctx *c, dl_tensor *w)
{
    int64_t i;
    if (!dli_check(c, "init_eye", "w", w, DL_REAL)) return;
    if (w->ndim != 2) { dl_fail(c, "init_eye: %t is no matrix", w); return; }
    for (i = 0; i < w->size; i++) w->data[i] = i / w->shape[1] == i % w->shape[1];
}

DL_DEF void dl_init_dirac_with(dl_ctx *c, dl_tensor *w, dl_init_dirac_opts o)
{
    int64_t groups = o.groups ? o.groups : 1, outs, field, middle = 0, i, d;
    int axis;
    if (!dli_check(c, "init_dirac", "w", w, DL_REAL)) return;
    if (w->ndim < 3 || groups < 1 || w->shape[0] % groups) {
        dl_fail(c, "init_dirac: %t in %l groups, expected (out, in, ...) with out divisible by the groups", w, groups);
        return;
    }
    dl_init_zeros(c, w);
    outs = w->shape[0] / groups;
    field = w->size / (w->shape[0] * w->shape[1]);
    for (axis = 2; axis < w->ndim; axis++) middle = middle * w->shape[axis] + w->shape[axis] / 2;
    for (i = 0; i < w->shape[0]; i++) {
        d = i % outs;
        if (d < w->shape[1]) w->data[(i * w->shape[1] + d) * field + middle] = 1;
    }
}

DL_DEF void dl_init_sparse_with(dl_ctx *c, dl_tensor *w, double sparsity, dl_init_sparse_opts o)
{
    int64_t rows, zeros, i, j;
    dli_mark mark;
    int32_t *order;
    if (!dli_check(c, "init_sparse", "w", w, DL_REAL)) return;
    if (w->ndim != 2) { dl_fail(c, "init_sparse: %t is no matrix", w); return; }
    if (!(sparsity >= 0 && sparsity <= 1) || !(o.std >= 0)) {
        dl_fail(c, "init_sparse: sparsity %g, expected 0 to 1, standard deviation %g", sparsity, o.std);
        return;
    }
    dl_init_normal(c, w, 0, (dl_real)(o.std != 0 ? o.std : 0.01));
    rows = w->shape[0];
    if (rows > INT32_MAX) { dl_fail(c, "init_sparse: %t has too many rows", w); return; }
    zeros = (int64_t)(sparsity * (double)rows);
    if ((double)zeros < sparsity * (double)rows) zeros++;
    mark = dli_arena_mark(&c->step);
    order = (int32_t *)dl_alloc(c, (size_t)rows * sizeof *order);
    for (j = 0; order && j < w->shape[1]; j++) {
        dli_permutation(c->seed, c->calls++, order, rows);
        for (i = 0; i < zeros; i++) w->data[order[i] * w->shape[1] + j] = 0;
    }
    dli_arena_release(&c->step, mark);
}

/* Values that one output sees (DL_FAN_IN), or that see one input (DL_FAN_OUT).  0 after an error. */
static double dli_fan(dl_ctx *c, const char *who, const dl_tensor *w, dl_fan mode)
{
    if (!dli_check(c, who, "w", w, DL_REAL)) return 0;
    if (mode != DL_FAN_IN && mode != DL_FAN_OUT) { dl_fail(c, "%s: mode %d", who, (int)mode); return 0; }
    if (w->ndim < 2) { dl_fail(c, "%s: %t has no fan; weights are (out, in, ...)", who, w); return 0; }
    return (double)(w->size / w->shape[mode == DL_FAN_OUT ? 1 : 0]);
}

DL_DEF int64_t dl_init_fan(dl_ctx *c, const dl_tensor *w, dl_fan mode) { return (int64_t)dli_fan(c, "init_fan", w, mode); }

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
    dli_init_xavier(c, "init_xavier_uniform", w, 1, o.gain);
}
DL_DEF void dl_init_xavier_normal_with(dl_ctx *c, dl_tensor *w, dl_init_xavier_normal_opts o)
{
    dli_init_xavier(c, "init_xavier_normal", w, 0, o.gain);
}

static void dli_init_he(dl_ctx *c, const char *who, dl_tensor *w, int uniform, double gain, double slope, dl_fan mode)
{
    double fan = dli_fan(c, who, w, mode);
    dli_init_variance(c, w, uniform, gain != 0 ? gain / dli_sqrt64(fan) : dli_sqrt64(2 / (1 + slope * slope) / fan));
}
DL_DEF void dl_init_he_uniform_with(dl_ctx *c, dl_tensor *w, dl_init_he_uniform_opts o)
{
    dli_init_he(c, "init_he_uniform", w, 1, o.gain, o.a, o.mode);
}
DL_DEF void dl_init_he_normal_with(dl_ctx *c, dl_tensor *w, dl_init_he_normal_opts o)
{
    dli_init_he(c, "init_he_normal", w, 0, o.gain, o.a, o.mode);
}
DL_DEF void dl_init_lecun_uniform(dl_ctx *c, dl_tensor *w) { dli_init_he(c, "init_lecun_uniform", w, 1, 1, 0, DL_FAN_IN); }
DL_DEF void dl_init_lecun_normal(dl_ctx *c, dl_tensor *w)  { dli_init_he(c, "init_lecun_normal", w, 0, 1, 0, DL_FAN_IN); }

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

DL_DEF double dl_init_gain_with(const char *nonlinearity, dl_init_gain_opts o)
{
    static const struct { const char *name; double gain; } table[] = {
        {"linear", 1}, {"conv1d", 1}, {"conv2d", 1}, {"conv3d", 1}, {"conv_transpose1d", 1}, {"conv_transpose2d", 1},
        {"conv_transpose3d", 1}, {"sigmoid", 1}, {"tanh", 5.0 / 3}, {"relu", 1.4142135623730951}, {"selu", 0.75},
    };
    double slope = o.slope == -1 ? 0 : o.slope != 0 ? o.slope : 0.01;
    size_t i;
    if (nonlinearity && !strcmp(nonlinearity, "leaky_relu")) return dli_sqrt64(2 / (1 + slope * slope));
    for (i = 0; nonlinearity && i < sizeof table / sizeof *table; i++)
        if (!strcmp(nonlinearity, table[i].name)) return table[i].gain;
    return dl_item(NULL);
}

/* --- layer-sequential unit variance: a probe takes the place of one module's type and looks at its output ------ */
typedef struct { dl_module_type type; const dl_module_type *original; int called; double std; } dli_probed_type;

static dl_tensor *dli_probe_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    dli_probed_type *probe = (dli_probed_type *)self->type;
    dl_tensor *y = probe->original->forward(c, self, x);
    if (c->failed || !y || dl_is_nil(y) || !y->data) return y;
    probe->called = 1;
    probe->std = dli_sqrt64((double)c->k->sum_squares(y->data, c->k->sum(y->data, y->size) / (dl_real)y->size, 1, y->size) / (double)y->size);
    return y;
}

/* The standard deviation of what layer gives when root sees x; 0 if it is not called. */
static double dli_layer_std(dl_ctx *c, dl_module *root, dl_module *layer, dl_tensor *x)
{
    dli_mark mark = dli_arena_mark(&c->step);
    dli_probed_type probe;
    int (*fuse)(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x) = layer->fuse;
    probe.original = layer->type;
    probe.type = *layer->type;
    probe.type.forward = dli_probe_forward;
    probe.called = 0;
    probe.std = 0;
    layer->type = &probe.type;
    layer->fuse = NULL;
    dl_forward(c, root, x);
    layer->type = probe.original;
    layer->fuse = fuse;
    dli_arena_release(&c->step, mark);
    return probe.called ? probe.std : 0;
}

DL_DEF int dl_init_lsuv_with(dl_ctx *c, dl_module *root, dl_tensor *x, dl_init_lsuv_opts o)
{
    double target = o.std != 0 ? o.std : 1, tol = o.tol != 0 ? o.tol : 0.1, std;
    int most = dli_or(o.max_iter, 10), layers = 0, trial, i, grad, training;
    dl_module *m;
    if (!dli_check_module(c, "init_lsuv", root) || !dli_check(c, "init_lsuv", "x", x, DL_REAL)) return 0;
    if (!(target > 0) || !(tol > 0) || most < 0) {
        dl_fail(c, "init_lsuv: std %g, tol %g, max_iter %d", target, tol, most);
        return 0;
    }
    grad = dl_set_grad_enabled(c, 0);
    training = dl_set_training(c, 0);
    for (m = root; m && !c->failed; m = dli_next_module(root, m)) {
        dl_tensor *w = NULL;
        for (i = 0; i < m->nparams; i++)
            if (!strcmp(m->params[i].name, "weight") && !m->params[i].is_buffer && m->params[i].tensor->ndim > 1) w = m->params[i].tensor;
        if (!w || !m->type->forward) continue;
        dl_init_orthogonal(c, w, 1);
        std = dli_layer_std(c, root, m, x);
        if (!c->failed && !(std > 0)) {
            dl_fail(c, "init_lsuv: layer %d, %s %t, is not used, or its output is constant", layers, m->type->name, w);
            break;
        }
        for (trial = 0; trial < most && !c->failed && (std > target + tol || std < target - tol); trial++) {
            c->k->scale(w->data, (dl_real)(target / std), w->size);
            std = dli_layer_std(c, root, m, x);
        }
        layers++;
    }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, training);
    return c->failed ? 0 : layers;
}

/* ================================================================================================
   >>optim       optimizers, learning-rate schedules, averages of weights, gradient clipping

   An elementwise optimizer is a dli_optim_type with two functions: prepare turns options and step number into what update
   needs, and update does a piece of a parameter, by a kernel or by rows.  The others have a step function of their own.
   ================================================================================================ */
#define DLI_OPTIM_STATES 3
#define DLI_OPTIM_CHUNK  16384       /* values that one task updates */

typedef struct { double lr, weight_decay; } dli_group;       /* lr: a factor of the optimizer's */

typedef struct {
    dl_tensor      *w;
    dl_real        *state[DLI_OPTIM_STATES];
    int64_t         t;               /* updates so far: a parameter without a gradient is left alone */
    int             group;
    double          product;         /* NAdam: of its momentums                                      */
    dli_update      args;            /* of this step                                                 */
} dli_slot;

typedef void dli_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o);

typedef struct {
    const char *name;
    const char *beta1, *beta2;       /* what this optimizer calls them, for messages                 */
    dli_rule   *rule;                                          /* of at most DLI_OPTIM_CHUNK values  */
    void      (*prepare)(const dl_optim *o, dli_slot *s, double lr, double weight_decay);
    void      (*step)(dl_ctx *c, dl_optim *o);                 /* instead, if it is not elementwise  */
    double    (*closure)(dl_ctx *c, dl_optim *o, dl_closure f, void *user);    /* needs the loss more than once */
} dli_optim_type;

typedef struct { int slot; int64_t first, n; } dli_optim_piece;

struct dl_optim {
    const dli_optim_type *type;
    dl_module *root;
    dl_optim  *inner;                /* of a wrapper: the optimizer that it steers                   */
    double     lr, base_lr;          /* now; that a schedule starts from                             */
    double     beta1, beta2, eps, weight_decay;                /* beta1 is SGD's momentum, too       */
    double     extra[5];             /* what only this optimizer has                                 */
    int        option, decoupled;
    dli_slot  *slots;
    dli_optim_piece *pieces;               /* all parameters, cut into chunks for the threads              */
    int        nslots;
    int64_t    npieces, size;
    int64_t    state_bytes;
    int64_t    t;                    /* steps so far                                                 */
    dli_group *groups;
    int        ngroups;
    void      *more;                 /* L-BFGS's memory                                              */
};

static dl_optim *dli_nil_optim(void)
{
    static const dl_optim nil = { NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0}, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, 0, NULL };
    return (dl_optim *)&nil;
}
static int dli_is_nil_optim(const dl_optim *o) { return !o || !o->type; }

static int dli_check_optim(dl_ctx *c, const char *who, const dl_optim *o)
{
    if (!c || c->failed) return 0;
    if (dli_is_nil_optim(o)) dl_fail(c, "%s: the optimizer is %s", who, o ? "nil, the result of a failed call" : "NULL");
    return !c->failed;
}

static dl_optim *dli_innermost(const dl_optim *o)
{
    while (!dli_is_nil_optim(o) && o->inner) o = o->inner;
    return (dl_optim *)o;
}

/* An option: 0 is the usual value, -1 an exact 0. */
static double dli_or_double(double value, double usual) { return value == -1 ? 0 : value != 0 ? value : usual; }

static void dli_option_range(dl_ctx *c, const char *who, const char *what, double value, double low, double high)
{
    if (!(value >= low && value < high)) dl_fail(c, "%s: %s is %g, expected at least %g and less than %g", who, what, value, low, high);
}

static void dli_optim_add_state(dl_ctx *c, dl_optim *o, dli_slot *s, int k, int64_t n)
{
    s->state[k] = (dl_real *)dl_alloc_keep(c, (size_t)n * sizeof(dl_real));
    o->state_bytes += n * (int64_t)sizeof(dl_real);
}

/* A copy of `how`, bound to all parameters of its root, each with arrays of its size, zeroed: state[k] if bit k of `states` is set. */
#define DLI_HUGE 1e300
static dl_optim *dli_optim_create(dl_ctx *c, const dl_optim *how, const dli_optim_type *type, dl_module *root, int states)
{
    dl_optim *o;
    dl_module *m;
    dl_param *p;
    int64_t count = 0, at;
    int i, k, n = 0;
    if (!dli_check_module(c, type->name, root)) return dli_nil_optim();
    DLI_EACH_PARAM(root, m, i, p)
        if (!p->is_buffer) { n++; count += (p->tensor->size + DLI_OPTIM_CHUNK - 1) / DLI_OPTIM_CHUNK; }
    if (!n) dl_fail(c, "%s: the module has no parameters", type->name);
    dli_option_range(c, type->name, "learning rate", how->lr, 0, DLI_HUGE);
    if (type->beta1) dli_option_range(c, type->name, type->beta1, how->beta1, 0, 1);
    if (type->beta2) dli_option_range(c, type->name, type->beta2, how->beta2, 0, 1);
    dli_option_range(c, type->name, "eps", how->eps, 0, DLI_HUGE);
    dli_option_range(c, type->name, "weight_decay", how->weight_decay, 0, DLI_HUGE);
    o = c->failed ? NULL : (dl_optim *)dl_alloc_keep(c, sizeof *o);
    if (!o) return dli_nil_optim();
    *o = *how;
    o->root = root;
    o->base_lr = o->lr;
    o->slots = (dli_slot *)dl_alloc_keep(c, (size_t)n * sizeof *o->slots);
    o->pieces = (dli_optim_piece *)dl_alloc_keep(c, (size_t)count * sizeof *o->pieces);
    o->groups = (dli_group *)dl_alloc_keep(c, sizeof *o->groups);
    if (c->failed) return dli_nil_optim();
    o->groups[0].lr = 1;
    o->groups[0].weight_decay = o->weight_decay;
    o->ngroups = 1;
    DLI_EACH_PARAM(root, m, i, p) {
        dli_slot *s = &o->slots[o->nslots];
        if (p->is_buffer) continue;
        s->w = p->tensor;
        s->product = 1;
        for (k = 0; k < DLI_OPTIM_STATES; k++) if (states >> k & 1) dli_optim_add_state(c, o, s, k, s->w->size);
        for (at = 0; at < s->w->size; at += DLI_OPTIM_CHUNK) {
            dli_optim_piece *piece = &o->pieces[o->npieces++];
            piece->slot = o->nslots;
            piece->first = at;
            piece->n = dli_min64(DLI_OPTIM_CHUNK, s->w->size - at);
        }
        o->size += s->w->size;
        o->nslots++;
    }
    if (c->failed) return dli_nil_optim();
    o->type = type;
    return o;
}

/* --- a step ---------------------------------------------------------------------------------------- */
typedef struct { const dl_ctx *c; const dl_optim *o; } dli_optim_job;

static void dli_optim_task(void *arg, int64_t i, int worker)
{
    const dli_optim_job *job = (const dli_optim_job *)arg;
    const dli_optim_piece *piece = &job->o->pieces[i];
    const dli_slot *s = &job->o->slots[piece->slot];
    dl_real *state[DLI_OPTIM_STATES];
    int k;
    (void)worker;
    if (!s->w->grad) return;
    for (k = 0; k < DLI_OPTIM_STATES; k++) state[k] = s->state[k] ? s->state[k] + piece->first : NULL;
    job->o->type->rule(job->c->k, s->w->data + piece->first, s->w->grad + piece->first, state, piece->n, &s->args);
}

static void dli_elementwise_step(dl_ctx *c, dl_optim *o)
{
    dli_optim_job job;
    const dli_slot *last = NULL;
    int i;
    for (i = 0; i < o->nslots; i++) {
        dli_slot *s = &o->slots[i];
        const dli_group *group = &o->groups[s->group];
        if (!s->w->grad) continue;
        s->t++;
        if (last && last->t == s->t && last->group == s->group) { s->args = last->args; s->product = last->product; }
        else o->type->prepare(o, s, o->lr * group->lr, group->weight_decay);
        last = s;
    }
    job.c = c; job.o = o;
    dli_parallel_if(c, o->size >= DLI_PAR_WORK, o->npieces, dli_optim_task, &job);
}

static void dli_optim_zero_grads(dl_optim *o)
{
    int i;
    for (i = 0; i < o->nslots; i++) dl_zero_grad(o->slots[i].w);
}

DL_DEF int dl_optim_step(dl_ctx *c, dl_optim *o)
{
    if (!dli_check_optim(c, "optim_step", o)) return 0;
    if (o->type->closure) { dl_fail(c, "%s: needs dl_optim_step_closure, which can ask for the loss more than once", o->type->name); return 0; }
    o->t++;
    if (o->type->step) o->type->step(c, o);
    else dli_elementwise_step(c, o);
    dli_optim_zero_grads(o);
    return !c->failed;
}

/* Fresh gradients and the loss; NaN after an error. */
static double dli_call_closure(dl_ctx *c, dl_optim *o, dl_closure f, void *user)
{
    dl_tensor *loss;
    int i;
    dli_optim_zero_grads(o);
    loss = f(c, user);
    if (!c->failed && (!loss || loss->size != 1)) dl_fail(c, "%s: the closure returned %t, expected the loss, a scalar", o->type->name, loss);
    for (i = 0; i < o->nslots && !o->slots[i].w->grad; i++) {}
    if (!c->failed && i == o->nslots) dl_fail(c, "%s: the closure left no gradients; it calls dl_backward", o->type->name);
    return c->failed ? dl_item(NULL) : dl_item(loss);
}

DL_DEF double dl_optim_step_closure(dl_ctx *c, dl_optim *o, dl_closure f, void *user)
{
    double loss;
    if (!dli_check_optim(c, "optim_step_closure", o)) return dl_item(NULL);
    if (!f) { dl_fail(c, "optim_step_closure: the closure is NULL"); return dl_item(NULL); }
    if (!o->type->closure) {
        loss = dli_call_closure(c, o, f, user);
        return dl_optim_step(c, o) ? loss : dl_item(NULL);
    }
    o->t++;
    loss = o->type->closure(c, o, f, user);
    dli_optim_zero_grads(o);
    return c->failed ? dl_item(NULL) : loss;
}

DL_DEF double dl_optim_lr(const dl_optim *o) { return dli_is_nil_optim(o) ? dl_item(NULL) : dli_innermost(o)->lr; }
DL_DEF void dl_optim_set_lr(dl_optim *o, double lr)
{
    if (!dli_is_nil_optim(o)) { o = dli_innermost(o); o->lr = o->base_lr = lr; }
}
DL_DEF double dl_optim_momentum(const dl_optim *o) { return dli_is_nil_optim(o) ? dl_item(NULL) : dli_innermost(o)->beta1; }

DL_DEF int64_t dl_optim_state_bytes(const dl_optim *o)
{
    int64_t n = 0;
    for (; !dli_is_nil_optim(o); o = o->inner) n += o->state_bytes;
    return n;
}

DL_DEF const dl_real *dl_optim_state(const dl_optim *o, const dl_tensor *w, int k)
{
    int i;
    if (dli_is_nil_optim(o) || k < 0 || k >= DLI_OPTIM_STATES) return NULL;
    for (i = 0; i < o->nslots; i++) if (o->slots[i].w == w) return o->slots[i].state[k];
    return NULL;
}

/* --- groups of parameters ---------------------------------------------------------------------------- */
DL_DEF int dl_is_norm_or_bias(const char *name, const dl_tensor *w, void *user)
{
    (void)name; (void)user;
    return w->ndim < 2;
}

DL_DEF int dl_optim_group_with(dl_ctx *c, dl_optim *o, dl_param_filter f, dl_optim_group_opts opts)
{
    char name[512];
    dli_group *groups, *g;
    dl_param *p;
    int i, slot = 0, n = 0;
    if (!dli_check_optim(c, "optim_group", o)) return 0;
    o = dli_innermost(o);
    if (!f) dl_fail(c, "optim_group: the filter is NULL");
    if (o->more) dl_fail(c, "optim_group: %s has no groups", o->type->name);
    opts.lr = dli_or_double(opts.lr, o->base_lr);
    opts.weight_decay = dli_or_double(opts.weight_decay, o->weight_decay);
    dli_option_range(c, "optim_group", "learning rate", opts.lr, 0, DLI_HUGE);
    dli_option_range(c, "optim_group", "weight_decay", opts.weight_decay, 0, DLI_HUGE);
    if (opts.lr != o->base_lr && o->base_lr == 0) dl_fail(c, "optim_group: the optimizer's learning rate is 0, the group's must be, too");
    groups = c->failed ? NULL : (dli_group *)dli_grow(c, o->groups, o->ngroups, sizeof *groups);
    if (!groups) return 0;
    o->groups = groups;
    g = &groups[o->ngroups];
    g->lr = o->base_lr != 0 ? opts.lr / o->base_lr : 1;
    g->weight_decay = opts.weight_decay;
    for (i = 0; (p = dl_module_at(o->root, i, name, sizeof name)) != NULL; i++)
        if (!p->is_buffer && slot < o->nslots && o->slots[slot].w == p->tensor) {
            if (f(name, p->tensor, opts.user)) { o->slots[slot].group = o->ngroups; n++; }
            slot++;
        }
    o->ngroups++;
    return n;
}

/* --- rules: by a kernel, or, for those that are seldom used, by elementwise kernels over rows that stay in the L1 cache ------
   w: parameters, g: gradients, s: states, see the formulas below. */
static void dli_row1(dli_map *f, dl_real *y, const dl_real *x, int64_t n, dl_real p)
{
    dl_real scalars[2];
    scalars[0] = p; scalars[1] = 0;
    f(y, &x, n, scalars);
}
static void dli_row2(dli_map *f, dl_real *y, const dl_real *a, const dl_real *b, int64_t n)
{
    const dl_real *in[2];
    in[0] = a; in[1] = b;
    f(y, in, n, NULL);
}

/* y += share (x - y) */
static void dli_lerp(const dli_kernels *k, dl_real *y, dl_real share, const dl_real *x, int64_t n)
{
    dl_real t[DLI_CHUNK];
    int64_t i, m;
    for (i = 0; i < n; i += m) {
        m = dli_min64(n - i, DLI_CHUNK);
        dli_row2(k->f_sub, t, x + i, y + i, m);
        k->axpy(y + i, share, t, m);
    }
}

static void dli_sgd_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o)
{
    k->sgd(w, g, s[0], n, o);
}
static void dli_asgd_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o)
{
    k->sgd(w, g, NULL, n, o);
    dli_lerp(k, s[0], o->fresh1, w, n);
}
static void dli_adam_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o)
{
    k->adam(w, g, s[0], s[1], n, o);
}

static void dli_rprop_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o)
{
    dl_real *last = s[0], *size = s[1];
    int64_t i;
    (void)k;
    for (i = 0; i < n; i++) {
        dl_real turn = g[i] * last[i], step = o->first ? o->lr : size[i] * (turn > 0 ? o->keep2 : turn < 0 ? o->keep1 : 1);
        step = step < o->low ? o->low : step > o->high ? o->high : step;
        size[i] = step;
        last[i] = turn < 0 ? 0 : g[i];
        w[i] -= last[i] > 0 ? step : last[i] < 0 ? -step : 0;
    }
}

/* The other rules: for each row d = g + l2 w, and v = keep2 v + fresh2 d^2 where there is a v; t and u are scratch. */
typedef struct { const dli_kernels *k; const dli_update *o; int64_t n; dl_real *w, *d, *a, *v, *b, *t, *u; } dli_rows;

static void dli_each_row(void (*rule)(const dli_rows *r), const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n,
                         const dli_update *o, int squares)
{
    dl_real d[DLI_CHUNK], t[DLI_CHUNK], u[DLI_CHUNK];
    dli_rows r;
    int64_t i;
    r.k = k; r.o = o; r.d = d; r.t = t; r.u = u;
    for (i = 0; i < n; i += r.n) {
        r.n = dli_min64(n - i, DLI_CHUNK);
        r.w = w + i;
        r.a = s[0] ? s[0] + i : NULL;
        r.v = s[1] ? s[1] + i : NULL;
        r.b = s[2] ? s[2] + i : NULL;
        memcpy(d, g + i, (size_t)r.n * sizeof *d);
        if (o->l2 != 0) k->axpy(d, o->l2, r.w, r.n);
        if (squares) {
            dli_row2(k->f_mul, t, d, d, r.n);
            k->scale(r.v, o->keep2, r.n);
            k->axpy(r.v, o->fresh2, t, r.n);
        }
        rule(&r);
    }
}

static void dli_amsgrad_row(const dli_rows *r)
{
    const dli_kernels *k = r->k;
    dli_lerp(k, r->a, r->o->fresh1, r->d, r->n);
    dli_row2(k->f_maximum, r->t, r->b, r->v, r->n);
    memcpy(r->b, r->t, (size_t)r->n * sizeof *r->b);
    dli_row1(k->f_sqrt, r->u, r->t, r->n, 0);
    dli_row1(k->f_mul_scalar, r->t, r->u, r->n, r->o->root);
    dli_row1(k->f_add_scalar, r->u, r->t, r->n, r->o->eps);
    dli_row2(k->f_div, r->t, r->a, r->u, r->n);
    k->scale(r->w, r->o->shrink, r->n);
    k->axpy(r->w, -r->o->lr, r->t, r->n);
}
static void dli_rmsprop_row(const dli_rows *r)                             /* b: mean of d or NULL; a: momentum or NULL */
{
    const dli_kernels *k = r->k;
    const dl_real *variance = r->v;
    if (r->b) {
        dli_lerp(k, r->b, r->o->fresh2, r->d, r->n);
        dli_row2(k->f_mul, r->t, r->b, r->b, r->n);
        dli_row2(k->f_sub, r->u, r->v, r->t, r->n);
        dli_row1(k->f_relu, r->t, r->u, r->n, 0);                       /* rounding may leave less than 0 */
        variance = r->t;
    }
    dli_row1(k->f_sqrt, r->u, variance, r->n, 0);
    dli_row1(k->f_add_scalar, r->t, r->u, r->n, r->o->eps);
    dli_row2(k->f_div, r->u, r->d, r->t, r->n);
    if (r->a) {
        k->scale(r->a, r->o->keep1, r->n);
        k->add(r->a, r->u, r->n);
    }
    k->axpy(r->w, -r->o->lr, r->a ? r->a : r->u, r->n);
}
static void dli_adadelta_row(const dli_rows *r)
{
    const dli_kernels *k = r->k;
    dl_real ratio[DLI_CHUNK];
    dli_row1(k->f_add_scalar, r->t, r->a, r->n, r->o->eps);
    dli_row1(k->f_add_scalar, r->u, r->v, r->n, r->o->eps);
    dli_row2(k->f_div, ratio, r->t, r->u, r->n);
    dli_row1(k->f_sqrt, r->t, ratio, r->n, 0);
    dli_row2(k->f_mul, r->u, r->t, r->d, r->n);
    k->axpy(r->w, -r->o->lr, r->u, r->n);
    dli_row2(k->f_mul, r->t, r->u, r->u, r->n);
    k->scale(r->a, r->o->keep2, r->n);
    k->axpy(r->a, r->o->fresh2, r->t, r->n);
}
static void dli_adamax_row(const dli_rows *r)
{
    const dli_kernels *k = r->k;
    dli_lerp(k, r->a, r->o->fresh1, r->d, r->n);
    dli_row1(k->f_abs, r->t, r->d, r->n, 0);
    dli_row1(k->f_add_scalar, r->u, r->t, r->n, r->o->eps);
    dli_row1(k->f_mul_scalar, r->t, r->v, r->n, r->o->keep2);
    dli_row2(k->f_maximum, r->v, r->t, r->u, r->n);
    dli_row2(k->f_div, r->t, r->a, r->v, r->n);
    k->axpy(r->w, -r->o->lr, r->t, r->n);
}
#define DLI_ROW_RULE(name, squares)                                                                                                 \
    static void dli_##name##_rule(const dli_kernels *k, dl_real *w, const dl_real *g, dl_real *const *s, int64_t n, const dli_update *o) \
    { dli_each_row(dli_##name##_row, k, w, g, s, n, o, squares); }
DLI_ROW_RULE(amsgrad, 1)
DLI_ROW_RULE(rmsprop, 1)
DLI_ROW_RULE(adadelta, 1)
DLI_ROW_RULE(adamax, 0)
#undef DLI_ROW_RULE

/* --- SGD:  g += weight_decay w;  a = momentum a + (1 - dampening) g, at first a = g;  w -= lr (nesterov ? g + momentum a : a) */
static void dli_sgd_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    dli_update *a = &s->args;
    a->lr = (dl_real)lr;
    a->l2 = (dl_real)weight_decay;
    a->keep1 = (dl_real)(s->t == 1 ? 0 : o->beta1);
    a->fresh1 = (dl_real)(s->t == 1 ? 1 : 1 - o->extra[0]);
    a->direct = (dl_real)o->option;
    a->through = (dl_real)(o->option ? o->beta1 : 1);
}
static const dli_optim_type dli_optim_sgd_type = { "optim_sgd", NULL, NULL, dli_sgd_rule, dli_sgd_prepare, NULL, NULL };

DL_DEF dl_optim *dl_optim_sgd_with(dl_ctx *c, dl_module *m, dl_optim_sgd_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.lr = dli_or_double(opts.lr, 1e-3);
    o.beta1 = opts.momentum;
    o.extra[0] = opts.dampening;
    o.weight_decay = opts.weight_decay;
    o.option = opts.nesterov != 0;
    dli_option_range(c, "optim_sgd", "momentum", o.beta1, 0, DLI_HUGE);
    dli_option_range(c, "optim_sgd", "dampening", o.extra[0], -DLI_HUGE, DLI_HUGE);
    if (o.option && (o.beta1 == 0 || o.extra[0] != 0)) dl_fail(c, "optim_sgd: nesterov needs a momentum and no dampening");
    return dli_optim_create(c, &o, &dli_optim_sgd_type, m, o.beta1 != 0);
}

/* --- averaged SGD:  eta = lr / (1 + lambd lr (t - 1))^alpha;  w -= eta (g + (weight_decay + lambd) w);  a += mu (w - a),
       mu = 1 / max(1, t - 1 - t0)                                                                                         */
static double dli_real_power(double x, double y) { return (double)dli_pow_portable((dl_real)x, (dl_real)y); }

static void dli_asgd_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    double before = (double)(s->t - 1), since = before - o->extra[2];
    s->args.lr = (dl_real)(before == 0 ? lr : lr / dli_real_power(1 + o->extra[0] * lr * before, o->extra[1]));
    s->args.l2 = (dl_real)(weight_decay + o->extra[0]);
    s->args.fresh1 = (dl_real)(since > 1 ? 1 / since : 1);
}
static const dli_optim_type dli_optim_asgd_type = { "optim_asgd", NULL, NULL, dli_asgd_rule, dli_asgd_prepare, NULL, NULL };

DL_DEF dl_optim *dl_optim_asgd_with(dl_ctx *c, dl_module *m, dl_optim_asgd_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.lr = dli_or_double(opts.lr, 1e-2);
    o.extra[0] = dli_or_double(opts.lambd, 1e-4);
    o.extra[1] = dli_or_double(opts.alpha, 0.75);
    o.extra[2] = dli_or_double(opts.t0, 1e6);
    o.weight_decay = opts.weight_decay;
    dli_option_range(c, "optim_asgd", "lambd", o.extra[0], 0, DLI_HUGE);
    dli_option_range(c, "optim_asgd", "alpha", o.extra[1], 0, DLI_HUGE);
    dli_option_range(c, "optim_asgd", "t0", o.extra[2], 0, DLI_HUGE);
    return dli_optim_create(c, &o, &dli_optim_asgd_type, m, 1);
}

/* --- Adam:  g += weight_decay w;  a = beta1 a + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
       w -= lr / (1 - beta1^t) a / (sqrt(v) / sqrt(1 - beta2^t) + eps);  AMSGrad: the largest v so far instead of v
   AdamW: instead of adding to g, first w -= lr weight_decay w
   NAdam: mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 .. mu_t;  as Adam, with
       mu_(t+1) / (1 - M_(t+1)) a + (1 - mu_t) / (1 - M_t) g  in place of  a / (1 - beta1^t)
   RAdam: r = 2 / (1 - beta2) - 1, r_t = r - 2 t beta2^t / (1 - beta2^t);  as Adam with eps outside the correction, times
       sqrt((r_t - 4)(r_t - 2) r / ((r - 4)(r - 2) r_t));  if r_t <= 5 only w -= lr / (1 - beta1^t) a                 --- */
static double dli_power(double x, int64_t n)
{
    double y = 1;
    for (; n; n >>= 1, x *= x) if (n & 1) y *= x;
    return y;
}

static void dli_adam_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    dli_update *a = &s->args;
    int corrected = o->option;                                          /* bias_correction */
    a->lr = (dl_real)(corrected ? lr / (1 - dli_power(o->beta1, s->t)) : lr);
    a->root = (dl_real)(corrected ? 1 / dli_sqrt64(1 - dli_power(o->beta2, s->t)) : 1);
    a->fresh1 = (dl_real)(1 - o->beta1);
    a->keep2 = (dl_real)o->beta2;
    a->fresh2 = (dl_real)(1 - o->beta2);
    a->eps = (dl_real)o->eps;
    a->direct = 0;
    a->l2 = (dl_real)(o->decoupled ? 0 : weight_decay);
    a->shrink = (dl_real)(o->decoupled ? 1 - lr * weight_decay : 1);
}
static void dli_nadam_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    double mu = o->beta1 * (1 - 0.5 * dli_real_power(0.96, (double)s->t * o->extra[0]));
    double next = o->beta1 * (1 - 0.5 * dli_real_power(0.96, (double)(s->t + 1) * o->extra[0]));
    dli_adam_prepare(o, s, lr, weight_decay);
    s->product *= mu;
    s->args.direct = (dl_real)(lr * (1 - mu) / (1 - s->product));
    s->args.lr = (dl_real)(lr * next / (1 - s->product * next));
}
static void dli_radam_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    double fade = dli_power(o->beta2, s->t), r = 2 / (1 - o->beta2) - 1, rt = r - 2 * (double)s->t * fade / (1 - fade);
    dli_adam_prepare(o, s, lr, weight_decay);
    if (rt > 5) {
        double rect = dli_sqrt64((rt - 4) * (rt - 2) * r / ((r - 4) * (r - 2) * rt));
        s->args.lr = (dl_real)(lr / (1 - dli_power(o->beta1, s->t)) * rect * dli_sqrt64(1 - fade));
        s->args.root = 1;
    } else {
        s->args.root = 0;
        s->args.eps = 1;
    }
}
static const dli_optim_type dli_optim_adam_type  = { "optim_adam",  "beta1", "beta2", dli_adam_rule, dli_adam_prepare,  NULL, NULL };
static const dli_optim_type dli_optim_adamw_type = { "optim_adamw", "beta1", "beta2", dli_adam_rule, dli_adam_prepare,  NULL, NULL };
static const dli_optim_type dli_optim_amsgrad_type  = { "optim_adam",  "beta1", "beta2", dli_amsgrad_rule, dli_adam_prepare, NULL, NULL };
static const dli_optim_type dli_optim_amsgradw_type = { "optim_adamw", "beta1", "beta2", dli_amsgrad_rule, dli_adam_prepare, NULL, NULL };
static const dli_optim_type dli_optim_nadam_type = { "optim_nadam", "beta1", "beta2", dli_adam_rule, dli_nadam_prepare, NULL, NULL };
static const dli_optim_type dli_optim_radam_type = { "optim_radam", "beta1", "beta2", dli_adam_rule, dli_radam_prepare, NULL, NULL };

static dl_optim dli_adam_options(double lr, double beta1, double beta2, double eps, double weight_decay, int decoupled)
{
    dl_optim o = *dli_nil_optim();
    o.lr = lr;
    o.beta1 = dli_or_double(beta1, 0.9);
    o.beta2 = dli_or_double(beta2, 0.999);
    o.eps = dli_or_double(eps, 1e-8);
    o.weight_decay = weight_decay;
    o.decoupled = decoupled;
    o.option = 1;
    return o;
}
DL_DEF dl_optim *dl_optim_adam_with(dl_ctx *c, dl_module *m, dl_optim_adam_opts opts)
{
    dl_optim o = dli_adam_options(dli_or_double(opts.lr, 1e-3), opts.beta1, opts.beta2, opts.eps, dli_or_double(opts.weight_decay, 0), 0);
    o.option = !opts.no_bias_correction;
    return dli_optim_create(c, &o, opts.amsgrad ? &dli_optim_amsgrad_type : &dli_optim_adam_type, m, opts.amsgrad ? 7 : 3);
}
DL_DEF dl_optim *dl_optim_adamw_with(dl_ctx *c, dl_module *m, dl_optim_adamw_opts opts)
{
    dl_optim o = dli_adam_options(dli_or_double(opts.lr, 1e-3), opts.beta1, opts.beta2, opts.eps, dli_or_double(opts.weight_decay, 1e-2), 1);
    o.option = !opts.no_bias_correction;
    return dli_optim_create(c, &o, opts.amsgrad ? &dli_optim_amsgradw_type : &dli_optim_adamw_type, m, opts.amsgrad ? 7 : 3);
}
DL_DEF dl_optim *dl_optim_nadam_with(dl_ctx *c, dl_module *m, dl_optim_nadam_opts opts)
{
    dl_optim o = dli_adam_options(dli_or_double(opts.lr, 2e-3), opts.beta1, opts.beta2, opts.eps, opts.weight_decay, opts.decoupled_weight_decay);
    o.extra[0] = dli_or_double(opts.momentum_decay, 4e-3);
    dli_option_range(c, "optim_nadam", "momentum_decay", o.extra[0], 0, DLI_HUGE);
    return dli_optim_create(c, &o, &dli_optim_nadam_type, m, 3);
}
DL_DEF dl_optim *dl_optim_radam_with(dl_ctx *c, dl_module *m, dl_optim_radam_opts opts)
{
    dl_optim o = dli_adam_options(dli_or_double(opts.lr, 1e-3), opts.beta1, opts.beta2, opts.eps, opts.weight_decay, opts.decoupled_weight_decay);
    return dli_optim_create(c, &o, &dli_optim_radam_type, m, 3);
}

/* --- Adamax:  a = beta1 a + (1 - beta1) g;  v = max(beta2 v, abs g + eps);  w -= lr / (1 - beta1^t) a / v --- */
static const dli_optim_type dli_optim_adamax_type = { "optim_adamax", "beta1", "beta2", dli_adamax_rule, dli_adam_prepare, NULL, NULL };
DL_DEF dl_optim *dl_optim_adamax_with(dl_ctx *c, dl_module *m, dl_optim_adamax_opts opts)
{
    dl_optim o = dli_adam_options(dli_or_double(opts.lr, 2e-3), opts.beta1, opts.beta2, opts.eps, opts.weight_decay, 0);
    return dli_optim_create(c, &o, &dli_optim_adamax_type, m, 3);
}

/* --- AdaGrad:  v += g^2;  w -= lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
   RMSprop:  v = alpha v + (1 - alpha) g^2;  w -= lr g / (sqrt(v) + eps);  centered: v less the squared mean of g;
       momentum: a = momentum a + g / (..), w -= lr a
   Adadelta:  v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a = rho a + (1 - rho) d^2;  w -= lr d --- */
static void dli_adagrad_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    dli_update *a = &s->args;
    a->lr = a->direct = (dl_real)(lr / (1 + (double)(s->t - 1) * o->extra[0]));
    a->l2 = (dl_real)weight_decay;
    a->keep1 = (dl_real)o->beta1;
    a->keep2 = (dl_real)o->beta2;
    a->fresh2 = (dl_real)(o->beta2 < 1 ? 1 - o->beta2 : 1);
    a->eps = (dl_real)o->eps;
    a->shrink = a->root = 1;
}
static const dli_optim_type dli_optim_adagrad_type  = { "optim_adagrad",  NULL, NULL, dli_adam_rule, dli_adagrad_prepare, NULL, NULL };
static const dli_optim_type dli_optim_rmsprop_type  = { "optim_rmsprop",  "momentum", "alpha", dli_adam_rule, dli_adagrad_prepare, NULL, NULL };
static const dli_optim_type dli_optim_rmsprop2_type = { "optim_rmsprop",  "momentum", "alpha", dli_rmsprop_rule, dli_adagrad_prepare, NULL, NULL };
static const dli_optim_type dli_optim_adadelta_type = { "optim_adadelta", NULL, "rho", dli_adadelta_rule, dli_adagrad_prepare, NULL, NULL };

DL_DEF dl_optim *dl_optim_adagrad_with(dl_ctx *c, dl_module *m, dl_optim_adagrad_opts opts)
{
    dl_optim o = *dli_nil_optim(), *p;
    int i;
    o.lr = dli_or_double(opts.lr, 1e-2);
    o.extra[0] = opts.lr_decay;
    o.weight_decay = opts.weight_decay;
    o.eps = dli_or_double(opts.eps, 1e-10);
    o.beta2 = 1;
    dli_option_range(c, "optim_adagrad", "lr_decay", opts.lr_decay, 0, DLI_HUGE);
    dli_option_range(c, "optim_adagrad", "initial_accumulator_value", opts.initial_accumulator_value, 0, DLI_HUGE);
    p = dli_optim_create(c, &o, &dli_optim_adagrad_type, m, 2);
    for (i = 0; i < p->nslots; i++) {
        int64_t k;
        for (k = 0; k < p->slots[i].w->size; k++) p->slots[i].state[1][k] = (dl_real)opts.initial_accumulator_value;
    }
    return p;
}
DL_DEF dl_optim *dl_optim_rmsprop_with(dl_ctx *c, dl_module *m, dl_optim_rmsprop_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.lr = dli_or_double(opts.lr, 1e-2);
    o.beta1 = opts.momentum;
    o.beta2 = dli_or_double(opts.alpha, 0.99);
    o.eps = dli_or_double(opts.eps, 1e-8);
    o.weight_decay = opts.weight_decay;
    if (o.beta1 == 0 && !opts.centered) return dli_optim_create(c, &o, &dli_optim_rmsprop_type, m, 2);
    return dli_optim_create(c, &o, &dli_optim_rmsprop2_type, m, 2 + (o.beta1 != 0) + 4 * (opts.centered != 0));
}
DL_DEF dl_optim *dl_optim_adadelta_with(dl_ctx *c, dl_module *m, dl_optim_adadelta_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.lr = dli_or_double(opts.lr, 1);
    o.beta2 = dli_or_double(opts.rho, 0.9);
    o.eps = dli_or_double(opts.eps, 1e-6);
    o.weight_decay = opts.weight_decay;
    return dli_optim_create(c, &o, &dli_optim_adadelta_type, m, 3);
}

/* --- Rprop:  a step size for each weight, times eta_plus while its gradient keeps its sign, eta_minus when it turns (then the
       weight rests once), between step_min and step_max;  w -= sign(g) step size --- */
static void dli_rprop_prepare(const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    (void)weight_decay;
    s->args.lr = (dl_real)lr;
    s->args.keep1 = (dl_real)o->extra[0];
    s->args.keep2 = (dl_real)o->extra[1];
    s->args.low = (dl_real)o->extra[2];
    s->args.high = (dl_real)o->extra[3];
    s->args.first = s->t == 1;
}
static const dli_optim_type dli_optim_rprop_type = { "optim_rprop", NULL, NULL, dli_rprop_rule, dli_rprop_prepare, NULL, NULL };

DL_DEF dl_optim *dl_optim_rprop_with(dl_ctx *c, dl_module *m, dl_optim_rprop_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.lr = dli_or_double(opts.lr, 1e-2);
    o.extra[0] = dli_or_double(opts.eta_minus, 0.5);
    o.extra[1] = dli_or_double(opts.eta_plus, 1.2);
    o.extra[2] = dli_or_double(opts.step_min, 1e-6);
    o.extra[3] = dli_or_double(opts.step_max, 50);
    dli_option_range(c, "optim_rprop", "eta_minus", o.extra[0], 0, 1);
    dli_option_range(c, "optim_rprop", "eta_plus", o.extra[1], 1, DLI_HUGE);
    dli_option_range(c, "optim_rprop", "step_min", o.extra[2], 0, o.extra[3]);
    return dli_optim_create(c, &o, &dli_optim_rprop_type, m, 3);
}

/* --- Adafactor:  b = t^beta2_decay;  for the last two axes: r = (1 - b) r + b (mean of g^2 over a row), c the same for a column,
       v = r c / mean(r);  a vector keeps v itself;  u = g / sqrt(v);
       w -= max(eps2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d)                                                 --- */


/* out = g / sqrt(max(scale v, floor)); returns its sum of squares. */
static double dli_adafactor_row(const dl_ctx *c, dl_real *out, const dl_real *g, const dl_real *v, double scale, double floor, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++) {
        dl_real x = (dl_real)scale * v[i];
        out[i] = g[i] / dli_sqrt_portable(x > (dl_real)floor ? x : (dl_real)floor);
    }
    return (double)c->k->sum_squares(out, 0, 1, n);
}

/* One matrix, or a vector if row is NULL: new means, then u; returns the sum of squares of u. */
static double dli_adafactor_matrix(const dl_ctx *c, dl_real *u, const dl_real *g, dl_real *row, dl_real *column,
                                   int64_t rows, int64_t cols, double fresh, double eps)
{
    double mean = 0, squares = 0, floor = eps * eps;
    int64_t i, j;
    memset(u, 0, (size_t)cols * sizeof *u);
    for (i = 0; i < rows; i++) {
        const dl_real *x = g + i * cols;
        for (j = 0; j < cols; j++) u[j] += x[j] * x[j];
        if (row) row[i] += (dl_real)(fresh * ((double)c->k->sum_squares(x, 0, 1, cols) / (double)cols - (double)row[i]));
        if (row) mean += (double)row[i] / (double)rows;
    }
    for (j = 0; j < cols; j++) column[j] += (dl_real)(fresh * ((double)u[j] / (double)rows - (double)column[j]));
    if (!(mean > eps)) mean = eps;
    for (i = 0; i < rows; i++)
        squares += dli_adafactor_row(c, u + i * cols, g + i * cols, column, row ? (double)row[i] / mean : 1, floor, cols);
    return squares;
}

/* The last two axes of a parameter; a vector is one row. */
static int64_t dli_adafactor_rows(const dl_tensor *w) { return w->ndim > 1 ? w->shape[w->ndim - 2] : 1; }
static int64_t dli_adafactor_cols(const dl_tensor *w) { return w->ndim > 0 ? w->shape[w->ndim - 1] : 1; }

static void dli_adafactor_step(dl_ctx *c, dl_optim *o)
{
    int i;
    for (i = 0; i < o->nslots && !c->failed; i++) {
        dli_slot *s = &o->slots[i];
        const dl_tensor *w = s->w;
        const dli_group *group = &o->groups[s->group];
        double lr = o->lr * group->lr, fresh, step, rms, squares = 0, size = (double)w->size;
        int64_t rows = dli_adafactor_rows(w), cols = dli_adafactor_cols(w), k;
        dli_mark mark = dli_arena_mark(&c->step);
        dl_real *u;
        if (!w->grad || !(u = (dl_real *)dl_alloc(c, (size_t)w->size * sizeof *u))) continue;
        s->t++;
        fresh = dli_real_power((double)s->t, o->extra[0]);
        rms = dli_sqrt64((double)c->k->sum_squares(w->data, 0, 1, w->size) / size);
        step = 1 / dli_sqrt64((double)s->t);
        step = (rms > o->extra[1] ? rms : o->extra[1]) * (lr < step ? lr : step);
        for (k = 0; k < w->size / (rows * cols); k++)
            squares += dli_adafactor_matrix(c, u + k * rows * cols, w->grad + k * rows * cols, s->state[0] ? s->state[0] + k * rows : NULL,
                                            s->state[1] + k * cols, rows, cols, fresh, o->eps);
        rms = dli_sqrt64(squares / size) / o->extra[2];
        if (group->weight_decay != 0) c->k->scale(w->data, (dl_real)(1 - lr * group->weight_decay), w->size);
        c->k->axpy(w->data, (dl_real)(-step / (rms > 1 ? rms : 1)), u, w->size);
        dli_arena_release(&c->step, mark);
    }
}
static const dli_optim_type dli_optim_adafactor_type = { "optim_adafactor", NULL, NULL, NULL, NULL, dli_adafactor_step, NULL };

DL_DEF dl_optim *dl_optim_adafactor_with(dl_ctx *c, dl_module *m, dl_optim_adafactor_opts opts)
{
    dl_optim o = *dli_nil_optim(), *p;
    int i;
    o.lr = dli_or_double(opts.lr, 1e-2);
    o.eps = dli_or_double(opts.eps1, sizeof(dl_real) == 8 ? 2.220446049250313e-16 : 1.1920928955078125e-07);
    o.weight_decay = opts.weight_decay;
    o.extra[0] = opts.beta2_decay != 0 ? opts.beta2_decay : -0.8;
    o.extra[1] = dli_or_double(opts.eps2, 1e-3);
    o.extra[2] = dli_or_double(opts.d, 1);
    if (!(o.extra[0] <= 0)) dl_fail(c, "optim_adafactor: beta2_decay is %g, expected at most 0", o.extra[0]);
    dli_option_range(c, "optim_adafactor", "eps2", o.extra[1], 0, DLI_HUGE);
    dli_option_range(c, "optim_adafactor", "d", o.extra[2], 1, DLI_HUGE);
    p = dli_optim_create(c, &o, &dli_optim_adafactor_type, m, 0);
    for (i = 0; i < p->nslots; i++) {
        const dl_tensor *w = p->slots[i].w;
        if (w->ndim > 1) dli_optim_add_state(c, p, &p->slots[i], 0, w->size / dli_adafactor_cols(w));
        dli_optim_add_state(c, p, &p->slots[i], 1, w->size / dli_adafactor_rows(w));
    }
    return c && !c->failed ? p : dli_nil_optim();
}

/* --- Muon:  a += (1 - momentum) (g - a);  u = nesterov ? g + momentum (a - g) : a;  X = u / norm(u);  ns_steps times
       A = X X^T, X = 3.4445 X + (-4.7750 A + 2.0315 A^2) X, which sends all singular values to between 0.7 and 1.2;
       w -= lr weight_decay w + lr ratio X.  A tall matrix the other way round, with A = X^T X.                        --- */
static void dli_muon_matrix(dl_ctx *c, const dl_optim *o, dli_slot *s, double lr, double weight_decay)
{
    const dl_tensor *w = s->w;
    int64_t rows = w->shape[0], cols = w->size / rows, n = dli_min64(rows, cols), i;
    int tall = rows > cols;
    double A = (double)rows, B = (double)cols, ratio, norm;
    dl_real *x = (dl_real *)dl_alloc(c, (size_t)w->size * sizeof *x), *y = (dl_real *)dl_alloc(c, (size_t)w->size * sizeof *y), *swap;
    dl_real *gram = (dl_real *)dl_alloc(c, (size_t)(n * n) * sizeof *gram), *poly = (dl_real *)dl_alloc(c, (size_t)(n * n) * sizeof *poly);
    if (c->failed) return;
    dli_lerp(c->k, s->state[0], (dl_real)(1 - o->beta1), w->grad, w->size);
    memcpy(x, s->state[0], (size_t)w->size * sizeof *x);
    if (o->option) {                                                    /* nesterov */
        memcpy(x, w->grad, (size_t)w->size * sizeof *x);
        dli_lerp(c->k, x, (dl_real)o->beta1, s->state[0], w->size);
    }
    norm = dli_sqrt64((double)c->k->sum_squares(x, 0, 1, w->size));
    c->k->scale(x, (dl_real)(1 / (norm > o->eps ? norm : o->eps)), w->size);
    for (i = 0; i < (int64_t)o->extra[0] && !c->failed; i++) {
        dl_gemm(c, tall, !tall, n, n, tall ? rows : cols, 1, x, cols, x, cols, 0, gram, n);
        memcpy(poly, gram, (size_t)(n * n) * sizeof *poly);
        dl_gemm(c, 0, 0, n, n, n, DLI_C(2.0315), gram, n, gram, n, DLI_C(-4.7750), poly, n);
        memcpy(y, x, (size_t)w->size * sizeof *y);
        dl_gemm(c, 0, 0, rows, cols, n, 1, tall ? x : poly, tall ? cols : n, tall ? poly : x, cols, DLI_C(3.4445), y, cols);
        swap = x; x = y; y = swap;
    }
    ratio = o->decoupled == DL_MUON_MATCH_RMS_ADAMW ? 0.2 * dli_sqrt64(A > B ? A : B) : A > B ? dli_sqrt64(A / B) : 1;
    if (c->failed) return;
    c->k->scale(w->data, (dl_real)(1 - lr * weight_decay), w->size);
    c->k->axpy(w->data, (dl_real)(-lr * ratio), x, w->size);
}

static void dli_muon_step(dl_ctx *c, dl_optim *o)
{
    int i;
    for (i = 0; i < o->nslots && !c->failed; i++) {
        dli_slot *s = &o->slots[i];
        const dli_group *group = &o->groups[s->group];
        dli_mark mark = dli_arena_mark(&c->step);
        if (!s->w->grad) continue;
        s->t++;
        if (s->w->ndim > 1) dli_muon_matrix(c, o, s, o->lr * group->lr, group->weight_decay);
        else {
            dl_optim adam = dli_adam_options(0, 0, 0.95, 1e-10, 0, 1);
            double share = o->base_lr != 0 ? o->lr / o->base_lr : 1;    /* of a schedule */
            dli_adam_prepare(&adam, s, o->extra[1] * share * group->lr, group->weight_decay);
            c->k->adam(s->w->data, s->w->grad, s->state[0], s->state[1], s->w->size, &s->args);
        }
        dli_arena_release(&c->step, mark);
    }
}
static const dli_optim_type dli_optim_muon_type = { "optim_muon", "momentum", NULL, NULL, NULL, dli_muon_step, NULL };

DL_DEF dl_optim *dl_optim_muon_with(dl_ctx *c, dl_module *m, dl_optim_muon_opts opts)
{
    dl_optim o = *dli_nil_optim(), *p;
    int i;
    o.lr = dli_or_double(opts.lr, 1e-3);
    o.beta1 = dli_or_double(opts.momentum, 0.95);
    o.eps = dli_or_double(opts.eps, 1e-7);
    o.weight_decay = dli_or_double(opts.weight_decay, 0.1);
    o.option = !opts.no_nesterov;
    o.decoupled = (int)opts.adjust_lr;
    o.extra[0] = dli_or(opts.ns_steps, 5);
    o.extra[1] = dli_or_double(opts.adam_lr, 3e-4);
    dli_option_range(c, "optim_muon", "ns_steps", o.extra[0], 0, 100);
    dli_option_range(c, "optim_muon", "adam_lr", o.extra[1], 0, DLI_HUGE);
    if (opts.adjust_lr != DL_MUON_ORIGINAL && opts.adjust_lr != DL_MUON_MATCH_RMS_ADAMW) dl_fail(c, "optim_muon: adjust_lr %d", (int)opts.adjust_lr);
    p = dli_optim_create(c, &o, &dli_optim_muon_type, m, 1);
    for (i = 0; i < p->nslots; i++) if (p->slots[i].w->ndim < 2) dli_optim_add_state(c, p, &p->slots[i], 1, p->slots[i].w->size);
    return c && !c->failed ? p : dli_nil_optim();
}

/* --- L-BFGS: d = -H g, where H, the inverse of the second derivatives, is built from the last steps s and changes y of the
       gradient by two loops over them (Nocedal 1980); then w += t d ------------------------------------------------- */
typedef struct { double t, f, slope; dl_real *g; } dli_probe;              /* the loss at w = start + t d */

typedef struct {
    int       history, max_iter, max_eval, wolfe, count;
    double    tolerance_grad, tolerance_change, t, scale;
    int64_t   n, iterations;
    dl_real  *d, *last, *start, *line, *g[3];                           /* g[0]: gradient now; the others for the line search */
    dl_real **y, **s;
    double   *ro, *alpha;
} dli_lbfgs;

static void dli_lbfgs_read(const dl_optim *o, dl_real *x, int grad)      /* parameters or gradients, one behind the other */
{
    int i;
    for (i = 0; i < o->nslots; x += o->slots[i++].w->size) {
        const dl_tensor *w = o->slots[i].w;
        if (!grad || w->grad) memcpy(x, grad ? w->grad : w->data, (size_t)w->size * sizeof *x);
        else memset(x, 0, (size_t)w->size * sizeof *x);
    }
}
static void dli_lbfgs_write(const dl_ctx *c, const dl_optim *o, const dl_real *x, double t, const dl_real *d)    /* w = x + t d */
{
    int i;
    for (i = 0; i < o->nslots; i++) {
        dl_tensor *w = o->slots[i].w;
        if (x) { memcpy(w->data, x, (size_t)w->size * sizeof *x); x += w->size; }
        if (d) { c->k->axpy(w->data, (dl_real)t, d, w->size); d += w->size; }
    }
}
static double dli_largest(const dl_ctx *c, const dl_real *x, int64_t n)
{
    double high = (double)c->k->max(x, n), low = -(double)c->k->min(x, n);
    return high > low ? high : low;
}

static void dli_lbfgs_probe(dl_ctx *c, dl_optim *o, const dli_lbfgs *m, dl_closure f, void *user, double t, dli_probe *p)
{
    dli_lbfgs_write(c, o, m->line, t, m->d);
    p->t = t;
    p->f = dli_call_closure(c, o, f, user);
    dli_lbfgs_read(o, p->g, 1);
    p->slope = (double)c->k->dot(p->g, m->d, m->n);
}

/* Where the cubic through both values and slopes is smallest, between low and high. */
static double dli_cubic_minimum(const dli_probe *p, const dli_probe *q, double low, double high)
{
    double a, square, b, t;
    if (p->t > q->t) { const dli_probe *swap = p; p = q; q = swap; }
    a = p->slope + q->slope - 3 * (p->f - q->f) / (p->t - q->t);
    square = a * a - p->slope * q->slope;
    if (!(square >= 0)) return (low + high) / 2;
    b = dli_sqrt64(square);
    t = q->t - (q->t - p->t) * ((q->slope + b - a) / (q->slope - p->slope + 2 * b));
    return t > low ? (t < high ? t : high) : low;
}

/* From m->line along d: a point that satisfies the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6),
   first try t.  Leaves its gradient in m->g[0], returns the evaluations. */
static int dli_strong_wolfe(dl_ctx *c, dl_optim *o, dli_lbfgs *m, dl_closure fn, void *user, double *step, double *f, double slope, int most)
{
    const double size = dli_largest(c, m->d, m->n), f0 = *f, c1 = 1e-4, c2 = 0.9;
    dli_probe start, b[2], now;
    int i = 0, low = 0, done = 0, close = 0, k;
    start.t = 0; start.f = f0; start.slope = slope; start.g = m->g[0];
    b[0] = start;
    now.g = m->g[1];
    dli_lbfgs_probe(c, o, m, fn, user, *step, &now);
    for (; i < most && !c->failed; i++) {                               /* b[0]: the point before; bracket a minimum */
        double t = now.t, past = b[0].t;
        if (now.f > f0 + c1 * t * slope || (i > 1 && now.f >= b[0].f)) break;
        if ((now.slope < 0 ? -now.slope : now.slope) <= -c2 * slope) { b[0] = now; done = 1; break; }
        if (now.slope >= 0) break;
        t = dli_cubic_minimum(&b[0], &now, t + 0.01 * (t - past), t * 10);
        { dl_real *g = b[0].g == m->g[0] ? m->g[2] : b[0].g; b[0] = now; now.g = g; }
        dli_lbfgs_probe(c, o, m, fn, user, t, &now);
    }
    if (i == most) b[0] = start;
    b[1] = done ? b[0] : now;
    for (k = 0; k < 3; k++) if (m->g[k] != b[0].g && m->g[k] != b[1].g) now.g = m->g[k];
    low = b[0].f <= b[1].f ? 0 : 1;
    for (; !done && i < most && !c->failed; i++) {                      /* narrow the bracket */
        double left = b[0].t < b[1].t ? b[0].t : b[1].t, right = b[0].t < b[1].t ? b[1].t : b[0].t, edge = 0.1 * (right - left);
        double t = dli_cubic_minimum(&b[0], &b[1], left, right);
        if ((right - left) * size < m->tolerance_change) break;
        if ((right - t < t - left ? right - t : t - left) < edge) {     /* too near an end, for the second time: move inward */
            if (close || t >= right || t <= left) {
                t = right - t < t - left ? right - edge : left + edge;
                close = 0;
            } else close = 1;
        } else close = 0;
        dli_lbfgs_probe(c, o, m, fn, user, t, &now);
        if (now.f > f0 + c1 * t * slope || now.f >= b[low].f) {
            dli_probe spare = b[!low];
            b[!low] = now;
            now = spare;
            low = b[0].f <= b[1].f ? 0 : 1;
        } else {
            if ((now.slope < 0 ? -now.slope : now.slope) <= -c2 * slope) done = 1;
            else if (now.slope * (b[!low].t - b[low].t) >= 0) { dli_probe spare = b[!low]; b[!low] = b[low]; b[low] = spare; }
            { dli_probe spare = b[low]; b[low] = now; now = spare; }
        }
    }
    *step = b[low].t;
    *f = b[low].f;
    for (k = 0; k < 3; k++) if (m->g[k] == b[low].g) { m->g[k] = m->g[0]; m->g[0] = b[low].g; break; }
    return i + 1;
}

/* The new direction, from the gradient and the memory. */
static void dli_lbfgs_direction(dl_ctx *c, dli_lbfgs *m)
{
    const dli_kernels *k = c->k;
    dl_real *g = m->g[0], *y, *s;
    double ys;
    int64_t j;
    int i;
    if (m->iterations > 1) {
        i = m->count;                                                   /* one pair of arrays more than the memory holds */
        if (!m->y[i]) {
            m->y[i] = (dl_real *)dl_alloc_keep(c, (size_t)m->n * sizeof *y);
            m->s[i] = (dl_real *)dl_alloc_keep(c, (size_t)m->n * sizeof *s);
            if (c->failed) return;
        }
        y = m->y[i]; s = m->s[i];
        for (j = 0; j < m->n; j++) { y[j] = g[j] - m->last[j]; s[j] = m->d[j] * (dl_real)m->t; }
        ys = (double)k->dot(y, s, m->n);
        if (ys > 1e-10) {
            m->ro[i] = 1 / ys;
            m->scale = ys / (double)k->dot(y, y, m->n);
            if (m->count < m->history) m->count++;
            else {                                                      /* forget the oldest: it becomes the spare pair */
                y = m->y[0]; s = m->s[0];
                for (i = 0; i < m->count; i++) { m->y[i] = m->y[i + 1]; m->s[i] = m->s[i + 1]; m->ro[i] = m->ro[i + 1]; }
                m->y[i] = y; m->s[i] = s;
            }
        }
    }
    for (j = 0; j < m->n; j++) m->d[j] = -g[j];
    for (i = m->count - 1; i >= 0; i--) {
        m->alpha[i] = (double)k->dot(m->s[i], m->d, m->n) * m->ro[i];
        k->axpy(m->d, (dl_real)-m->alpha[i], m->y[i], m->n);
    }
    k->scale(m->d, (dl_real)m->scale, m->n);
    for (i = 0; i < m->count; i++)
        k->axpy(m->d, (dl_real)(m->alpha[i] - (double)k->dot(m->y[i], m->d, m->n) * m->ro[i]), m->s[i], m->n);
}

static double dli_lbfgs_step(dl_ctx *c, dl_optim *o, dl_closure f, void *user)
{
    dli_lbfgs *m = (dli_lbfgs *)o->more;
    double loss, first, before, slope, sum = 0;
    int i, evaluations = 1;
    int64_t j;
    dli_lbfgs_read(o, m->start, 0);
    first = loss = dli_call_closure(c, o, f, user);
    dli_lbfgs_read(o, m->g[0], 1);
    if (c->failed || dli_largest(c, m->g[0], m->n) <= m->tolerance_grad) return first;
    for (i = 1; i <= m->max_iter && !c->failed; i++) {
        m->iterations++;
        dli_lbfgs_direction(c, m);
        if (c->failed) break;
        memcpy(m->last, m->g[0], (size_t)m->n * sizeof *m->last);
        before = loss;
        m->t = o->lr;
        if (m->iterations == 1) {
            for (j = 0; j < m->n; j++) sum += (double)(m->last[j] < 0 ? -m->last[j] : m->last[j]);
            if (sum > 1) m->t /= sum;
        }
        slope = (double)c->k->dot(m->g[0], m->d, m->n);
        if (slope > -m->tolerance_change) break;
        if (m->wolfe) {
            dli_lbfgs_read(o, m->line, 0);
            evaluations += dli_strong_wolfe(c, o, m, f, user, &m->t, &loss, slope, m->max_eval - evaluations);
            dli_lbfgs_write(c, o, m->line, m->t, m->d);
        } else {
            dli_lbfgs_write(c, o, NULL, m->t, m->d);
            if (i == m->max_iter) break;                                /* the next step evaluates */
            loss = dli_call_closure(c, o, f, user);
            dli_lbfgs_read(o, m->g[0], 1);
            evaluations++;
        }
        if (evaluations >= m->max_eval || dli_largest(c, m->g[0], m->n) <= m->tolerance_grad) break;
        if (dli_largest(c, m->d, m->n) * m->t <= m->tolerance_change) break;
        if (loss - before < m->tolerance_change && before - loss < m->tolerance_change) break;
    }
    if (c->failed) dli_lbfgs_write(c, o, m->start, 0, NULL);            /* weights stay as they were */
    return first;
}
static const dli_optim_type dli_optim_lbfgs_type = { "optim_lbfgs", NULL, NULL, NULL, NULL, NULL, dli_lbfgs_step };

DL_DEF dl_optim *dl_optim_lbfgs_with(dl_ctx *c, dl_module *root, dl_optim_lbfgs_opts opts)
{
    dl_optim o = *dli_nil_optim(), *p;
    dli_lbfgs *m;
    size_t bytes, h;
    o.lr = dli_or_double(opts.lr, 1);
    opts.max_iter = dli_or(opts.max_iter, 20);
    opts.history_size = dli_or(opts.history_size, 100);
    if (opts.max_iter < 1 || opts.max_iter > 1000000000 || opts.max_eval < 0 || opts.history_size < 1)
        dl_fail(c, "optim_lbfgs: max_iter %d, max_eval %d, history_size %d, expected at least 1", opts.max_iter, opts.max_eval, opts.history_size);
    opts.tolerance_grad = dli_or_double(opts.tolerance_grad, 1e-7);
    opts.tolerance_change = dli_or_double(opts.tolerance_change, 1e-9);
    dli_option_range(c, "optim_lbfgs", "tolerance_grad", opts.tolerance_grad, 0, DLI_HUGE);
    dli_option_range(c, "optim_lbfgs", "tolerance_change", opts.tolerance_change, 0, DLI_HUGE);
    p = dli_optim_create(c, &o, &dli_optim_lbfgs_type, root, 0);
    if (dli_is_nil_optim(p) || !(m = (dli_lbfgs *)dl_alloc_keep(c, sizeof *m))) return dli_nil_optim();
    m->n = p->size;
    m->history = opts.history_size;
    m->max_iter = opts.max_iter;
    m->max_eval = opts.max_eval ? opts.max_eval : opts.max_iter + opts.max_iter / 4;
    m->wolfe = opts.strong_wolfe;
    m->tolerance_grad = opts.tolerance_grad;
    m->tolerance_change = opts.tolerance_change;
    m->scale = 1;
    bytes = (size_t)m->n * sizeof(dl_real);
    h = (size_t)m->history + 1;
    m->d = (dl_real *)dl_alloc_keep(c, bytes);
    m->last = (dl_real *)dl_alloc_keep(c, bytes);
    m->start = (dl_real *)dl_alloc_keep(c, bytes);
    m->g[0] = (dl_real *)dl_alloc_keep(c, bytes);
    if (m->wolfe) {
        m->line = (dl_real *)dl_alloc_keep(c, bytes);
        m->g[1] = (dl_real *)dl_alloc_keep(c, bytes);
        m->g[2] = (dl_real *)dl_alloc_keep(c, bytes);
    }
    m->y = (dl_real **)dl_alloc_keep(c, h * sizeof *m->y);
    m->s = (dl_real **)dl_alloc_keep(c, h * sizeof *m->s);
    m->ro = (double *)dl_alloc_keep(c, h * sizeof *m->ro);
    m->alpha = (double *)dl_alloc_keep(c, h * sizeof *m->alpha);
    p->state_bytes = (int64_t)(bytes * (m->wolfe ? 7 : 4));             /* and 2 for each step remembered */
    p->more = m;
    return c->failed ? dli_nil_optim() : p;
}

/* --- wrappers ------------------------------------------------------------------------------------------
   Lookahead: every k steps  slow += alpha (w - slow);  w = slow.
   SAM: the gradient at w + rho g / norm(g) takes the place of g.                                              */
typedef struct { const dl_ctx *c; const dl_optim *o; dl_real share; int copy; } dli_average_job;

static void dli_average_task(void *arg, int64_t i, int worker)             /* state[0] += share (w - state[0]) */
{
    const dli_average_job *job = (const dli_average_job *)arg;
    const dli_optim_piece *piece = &job->o->pieces[i];
    const dli_slot *s = &job->o->slots[piece->slot];
    dl_real *w = s->w->data + piece->first, *average = s->state[0] + piece->first;
    (void)worker;
    dli_lerp(job->c->k, average, job->share, w, piece->n);
    if (job->copy) memcpy(w, average, (size_t)piece->n * sizeof *w);
}

static void dli_average(dl_ctx *c, dl_optim *o, double share, int copy)
{
    dli_average_job job;
    job.c = c; job.o = o; job.share = (dl_real)share; job.copy = copy;
    dli_parallel_if(c, o->size >= DLI_PAR_WORK, o->npieces, dli_average_task, &job);
}

static void dli_copy_weights(dl_optim *o, int k, int back)                 /* state[k] = w, or back */
{
    int i;
    for (i = 0; i < o->nslots; i++) {
        dli_slot *s = &o->slots[i];
        if (back) memcpy(s->w->data, s->state[k], (size_t)s->w->size * sizeof(dl_real));
        else      memcpy(s->state[k], s->w->data, (size_t)s->w->size * sizeof(dl_real));
    }
}

static void dli_lookahead_synchronize(dl_ctx *c, dl_optim *o)
{
    if (!c->failed && o->t % (int64_t)o->extra[0] == 0) dli_average(c, o, o->extra[1], 1);
}
static void dli_lookahead_step(dl_ctx *c, dl_optim *o)
{
    if (dl_optim_step(c, o->inner)) dli_lookahead_synchronize(c, o);
}
static double dli_lookahead_closure(dl_ctx *c, dl_optim *o, dl_closure f, void *user)
{
    double loss = dl_optim_step_closure(c, o->inner, f, user);
    dli_lookahead_synchronize(c, o);
    return loss;
}
static const dli_optim_type dli_optim_lookahead_type  = { "optim_lookahead", NULL, NULL, NULL, NULL, dli_lookahead_step, NULL };
static const dli_optim_type dli_optim_lookahead2_type = { "optim_lookahead", NULL, NULL, NULL, NULL, NULL, dli_lookahead_closure };

static double dli_grad_norm(const dl_ctx *c, dl_module *root);

static double dli_sam_step(dl_ctx *c, dl_optim *o, dl_closure f, void *user)
{
    double loss = dli_call_closure(c, o, f, user);
    dl_real step;
    int i;
    if (c->failed) return loss;
    step = (dl_real)(o->extra[0] / (dli_grad_norm(c, o->root) + 1e-12));
    dli_copy_weights(o, 0, 0);
    for (i = 0; i < o->nslots; i++)
        if (o->slots[i].w->grad) c->k->axpy(o->slots[i].w->data, step, o->slots[i].w->grad, o->slots[i].w->size);
    dli_call_closure(c, o, f, user);
    dli_copy_weights(o, 0, 1);
    dl_optim_step(c, o->inner);
    return loss;
}
static const dli_optim_type dli_optim_sam_type = { "optim_sam", NULL, NULL, NULL, NULL, NULL, dli_sam_step };

static dl_optim *dli_wrap(dl_ctx *c, dl_optim *inner, const dli_optim_type *type, dl_optim *how)
{
    dl_optim *p;
    how->inner = inner;
    p = dli_optim_create(c, how, type, inner->root, 1);
    if (!dli_is_nil_optim(p)) dli_copy_weights(p, 0, 0);
    return p;
}

DL_DEF dl_optim *dl_optim_lookahead_with(dl_ctx *c, dl_optim *inner, dl_optim_lookahead_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.extra[0] = dli_or(opts.k, 5);
    o.extra[1] = dli_or_double(opts.alpha, 0.5);
    if (!dli_check_optim(c, "optim_lookahead", inner)) return dli_nil_optim();
    dli_option_range(c, "optim_lookahead", "k", o.extra[0], 1, DLI_HUGE);
    dli_option_range(c, "optim_lookahead", "alpha", o.extra[1], 0, 1.0000001);
    return dli_wrap(c, inner, inner->type->closure ? &dli_optim_lookahead2_type : &dli_optim_lookahead_type, &o);
}

DL_DEF dl_optim *dl_optim_sam_with(dl_ctx *c, dl_optim *inner, dl_optim_sam_opts opts)
{
    dl_optim o = *dli_nil_optim();
    o.extra[0] = dli_or_double(opts.rho, 0.05);
    if (!dli_check_optim(c, "optim_sam", inner)) return dli_nil_optim();
    if (inner->type->closure) dl_fail(c, "optim_sam: %s needs the loss more than once itself", inner->type->name);
    dli_option_range(c, "optim_sam", "rho", o.extra[0], 0, DLI_HUGE);
    return dli_wrap(c, inner, &dli_optim_sam_type, &o);
}

/* --- averages of weights: a += (1 - decay) (w - a), or the plain mean of all updates ------------------- */
static const dli_optim_type dli_ema_type = { "ema", NULL, NULL, NULL, NULL, NULL, NULL };

struct dl_ema { dl_optim *o; double decay; int64_t updates; int swapped, swa; };

static dl_ema *dli_nil_ema(void)
{
    static const dl_ema nil = { NULL, 0, 0, 0, 0 };
    return (dl_ema *)&nil;
}
static int dli_check_ema(dl_ctx *c, const char *who, const dl_ema *e)
{
    if (!c || c->failed) return 0;
    if (!e || !e->o) dl_fail(c, "%s: the average is %s", who, e ? "nil, the result of a failed call" : "NULL");
    return !c->failed;
}

DL_DEF dl_ema *dl_ema_create_with(dl_ctx *c, dl_module *m, dl_ema_create_opts opts)
{
    dl_optim how = *dli_nil_optim(), *o;
    dl_ema *e;
    double decay = dli_or_double(opts.decay, 0.999);
    if (!c || c->failed) return dli_nil_ema();
    dli_option_range(c, "ema", "decay", decay, 0, 1);
    o = dli_optim_create(c, &how, &dli_ema_type, m, 1);
    e = dli_is_nil_optim(o) ? NULL : (dl_ema *)dl_alloc_keep(c, sizeof *e);
    if (!e) return dli_nil_ema();
    e->o = o;
    e->decay = decay;
    e->swa = opts.swa;
    return e;
}

DL_DEF int dl_ema_update(dl_ctx *c, dl_ema *e)
{
    if (!dli_check_ema(c, "ema_update", e)) return 0;
    if (e->swapped) { dl_fail(c, "ema_update: the averages are swapped in; call dl_ema_swap first"); return 0; }
    if (e->updates++ == 0) dli_copy_weights(e->o, 0, 0);
    else dli_average(c, e->o, e->swa ? 1 / (double)e->updates : 1 - e->decay, 0);
    return 1;
}

DL_DEF int dl_ema_swap(dl_ctx *c, dl_ema *e)
{
    int i;
    if (!dli_check_ema(c, "ema_swap", e)) return 0;
    if (!e->updates) { dl_fail(c, "ema_swap: there was no dl_ema_update yet"); return 0; }
    for (i = 0; i < e->o->nslots; i++) {
        dl_real *w = e->o->slots[i].w->data, *average = e->o->slots[i].state[0], row[DLI_CHUNK];
        int64_t at, n, size = e->o->slots[i].w->size;
        for (at = 0; at < size; at += n) {
            n = dli_min64(DLI_CHUNK, size - at);
            memcpy(row, w + at, (size_t)n * sizeof *row);
            memcpy(w + at, average + at, (size_t)n * sizeof *row);
            memcpy(average + at, row, (size_t)n * sizeof *row);
        }
    }
    e->swapped = !e->swapped;
    return 1;
}

/* --- schedules: the learning rate as a function of the step t and of the rate before all schedules ------ */
typedef struct {
    const char *name;
    double (*lr)(const dl_schedule *s, int64_t t, double lr, double *momentum);
} dli_schedule_type;

struct dl_schedule {
    const dli_schedule_type *type;
    dl_optim     *optim;
    int64_t       t, n[3];
    double        p[9];
    int           option[3];
    dl_shape      milestones;
    dl_lr_fn      f;
    void         *user;
    dl_schedule **parts;
    int           nparts;
    double        best;              /* plateau: the best so far, .. */
    int           seen, bad, cooling;
};

static dl_schedule *dli_nil_schedule(void)
{
    static const dl_schedule nil = { NULL, NULL, 0, {0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0}, {{0, 0, 0, 0, 0, 0, 0, 0}},
                                     NULL, NULL, NULL, 0, 0, 0, 0, 0 };
    return (dl_schedule *)&nil;
}

static int dli_check_schedule(dl_ctx *c, const char *who, const dl_schedule *s)
{
    if (!c || c->failed) return 0;
    if (!s || !s->type) dl_fail(c, "%s: the schedule is %s", who, s ? "nil, the result of a failed call" : "NULL");
    return !c->failed;
}

static void dli_schedule_apply(dl_schedule *s)
{
    double momentum = s->optim->beta1;
    s->optim->lr = s->type->lr(s, s->t, s->optim->base_lr, &momentum);
    s->optim->beta1 = momentum;
}

/* A kept copy of `how`; sets the learning rate of step 0. */
static dl_schedule *dli_schedule_create(dl_ctx *c, const dli_schedule_type *type, dl_optim *o, const dl_schedule *how)
{
    dl_schedule *s;
    if (!dli_check_optim(c, type->name, o) || !(s = (dl_schedule *)dl_alloc_keep(c, sizeof *s))) return dli_nil_schedule();
    *s = *how;
    s->type = type;
    s->optim = dli_innermost(o);
    dli_schedule_apply(s);
    return s;
}

static int dli_schedule_steps(dl_ctx *c, const char *who, const char *what, int64_t steps)
{
    if (steps < 1) dl_fail(c, "%s: %s is %l, expected at least 1 step", who, what, steps);
    return c && !c->failed;
}

DL_DEF int dl_schedule_step(dl_ctx *c, dl_schedule *s)
{
    if (!dli_check_schedule(c, "schedule_step", s)) return 0;
    s->t++;
    dli_schedule_apply(s);
    if (s->optim->lr != s->optim->lr) {                                  /* a one-cycle schedule is over */
        s->optim->lr = 0;
        dl_fail(c, "schedule_step: step %l, but %s has no value there", s->t, s->type->name);
    }
    return !c->failed;
}

static double dli_cosine(double turns) { return (double)dli_cos_portable((dl_real)(6.283185307179586 * turns)); }
/* from a to b along half a cosine wave */
static double dli_anneal(double a, double b, double share, int linear)
{
    return linear ? a + (b - a) * share : b + (a - b) / 2 * (1 + dli_cosine(share / 2));
}

/* lr = factor base for the first total_iters steps */
static double dli_lr_constant(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return t < s->n[0] ? lr * s->p[0] : lr;
}
static const dli_schedule_type dli_lr_constant_type = { "lr_constant", dli_lr_constant };
DL_DEF dl_schedule *dl_lr_constant_with(dl_ctx *c, dl_optim *o, dl_lr_constant_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.factor, 1.0 / 3);
    s.n[0] = opts.total_iters ? opts.total_iters : 5;
    dli_option_range(c, "lr_constant", "factor", s.p[0], 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_constant", "total_iters", s.n[0]);
    return dli_schedule_create(c, &dli_lr_constant_type, o, &s);
}

static double dli_lr_linear(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return lr * (s->p[0] + (s->p[1] - s->p[0]) * ((double)dli_min64(t, s->n[0]) / (double)s->n[0]));
}
static const dli_schedule_type dli_lr_linear_type = { "lr_linear", dli_lr_linear };
DL_DEF dl_schedule *dl_lr_linear_with(dl_ctx *c, dl_optim *o, dl_lr_linear_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.start_factor, 1.0 / 3);
    s.p[1] = dli_or_double(opts.end_factor, 1);
    s.n[0] = opts.total_iters ? opts.total_iters : 5;
    dli_option_range(c, "lr_linear", "start_factor", s.p[0], 0, DLI_HUGE);
    dli_option_range(c, "lr_linear", "end_factor", s.p[1], 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_linear", "total_iters", s.n[0]);
    return dli_schedule_create(c, &dli_lr_linear_type, o, &s);
}

static double dli_lr_step(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return lr * dli_power(s->p[0], t / s->n[0]);
}
static const dli_schedule_type dli_lr_step_type = { "lr_step", dli_lr_step };
DL_DEF dl_schedule *dl_lr_step_with(dl_ctx *c, dl_optim *o, int64_t step_size, dl_lr_step_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.gamma, 0.1);
    s.n[0] = step_size;
    dli_option_range(c, "lr_step", "gamma", s.p[0], 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_step", "step_size", step_size);
    return dli_schedule_create(c, &dli_lr_step_type, o, &s);
}
DL_DEF dl_schedule *dl_lr_exponential(dl_ctx *c, dl_optim *o, double gamma)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = gamma;
    s.n[0] = 1;
    dli_option_range(c, "lr_exponential", "gamma", gamma, 0, DLI_HUGE);
    return dli_schedule_create(c, &dli_lr_step_type, o, &s);
}

/* The number of milestones at or before t; they rise, and the list ends at its first 0. */
static int dli_milestones_passed(const dl_schedule *s, int64_t t)
{
    int i = 0;
    while (i < DL_MAX_DIMS && s->milestones.d[i] && s->milestones.d[i] <= t) i++;
    return i;
}
static int dli_check_milestones(dl_ctx *c, const char *who, dl_shape milestones)
{
    int i, n = dli_shape_rank(milestones.d);
    for (i = 0; i < n; i++)
        if (milestones.d[i] <= (i ? milestones.d[i - 1] : 0))
            dl_fail(c, "%s: milestone %d is %l, expected more than %l", who, i, milestones.d[i], i ? milestones.d[i - 1] : (int64_t)0);
    return n;
}
static double dli_lr_multi_step(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return lr * dli_power(s->p[0], dli_milestones_passed(s, t));
}
static const dli_schedule_type dli_lr_multi_step_type = { "lr_multi_step", dli_lr_multi_step };
DL_DEF dl_schedule *dl_lr_multi_step_with(dl_ctx *c, dl_optim *o, dl_shape milestones, dl_lr_multi_step_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.gamma, 0.1);
    s.milestones = milestones;
    dli_option_range(c, "lr_multi_step", "gamma", s.p[0], 0, DLI_HUGE);
    if (!dli_check_milestones(c, "lr_multi_step", milestones)) dl_fail(c, "lr_multi_step: no milestones");
    return dli_schedule_create(c, &dli_lr_multi_step_type, o, &s);
}

static double dli_lr_polynomial(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return t < s->n[0] ? lr * dli_real_power(1 - (double)t / (double)s->n[0], s->p[0]) : 0;
}
static const dli_schedule_type dli_lr_polynomial_type = { "lr_polynomial", dli_lr_polynomial };
DL_DEF dl_schedule *dl_lr_polynomial_with(dl_ctx *c, dl_optim *o, dl_lr_polynomial_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.power, 1);
    s.n[0] = opts.total_iters ? opts.total_iters : 5;
    dli_option_range(c, "lr_polynomial", "power", s.p[0], 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_polynomial", "total_iters", s.n[0]);
    return dli_schedule_create(c, &dli_lr_polynomial_type, o, &s);
}

static double dli_lr_inverse(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    (void)momentum;
    return lr / (1 + s->p[0] * (double)t);
}
static const dli_schedule_type dli_lr_inverse_type = { "lr_inverse", dli_lr_inverse };
DL_DEF dl_schedule *dl_lr_inverse(dl_ctx *c, dl_optim *o, double gamma)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = gamma;
    dli_option_range(c, "lr_inverse", "gamma", gamma, 0, DLI_HUGE);
    return dli_schedule_create(c, &dli_lr_inverse_type, o, &s);
}

static double dli_lr_cosine(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    int64_t n = s->n[0];
    (void)momentum;
    if (s->n[1]) while (t >= n && n < INT64_MAX / s->n[1]) {             /* with restarts: T_0, then T_mult times as long, .. */
        if (s->n[1] == 1) { t %= n; break; }
        t -= n;
        n *= s->n[1];
    }
    return dli_anneal(lr, s->p[0], (double)t / (double)n, 0);
}
static const dli_schedule_type dli_lr_cosine_type = { "lr_cosine", dli_lr_cosine };
static const dli_schedule_type dli_lr_cosine_restarts_type = { "lr_cosine_restarts", dli_lr_cosine };
DL_DEF dl_schedule *dl_lr_cosine_with(dl_ctx *c, dl_optim *o, int64_t T_max, dl_lr_cosine_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = opts.eta_min;
    s.n[0] = T_max;
    dli_option_range(c, "lr_cosine", "eta_min", opts.eta_min, 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_cosine", "T_max", T_max);
    return dli_schedule_create(c, &dli_lr_cosine_type, o, &s);
}
DL_DEF dl_schedule *dl_lr_cosine_restarts_with(dl_ctx *c, dl_optim *o, int64_t T_0, dl_lr_cosine_restarts_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = opts.eta_min;
    s.n[0] = T_0;
    s.n[1] = opts.T_mult ? opts.T_mult : 1;
    dli_option_range(c, "lr_cosine_restarts", "eta_min", opts.eta_min, 0, DLI_HUGE);
    dli_schedule_steps(c, "lr_cosine_restarts", "T_0", T_0);
    dli_schedule_steps(c, "lr_cosine_restarts", "T_mult", s.n[1]);
    return dli_schedule_create(c, &dli_lr_cosine_restarts_type, o, &s);
}

/* p: max_lr, first, last, base_momentum, max_momentum, pct_start; phases end at share n - 1, the last one at n - 1 */
static double dli_lr_one_cycle(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    double n = (double)s->n[0], up = s->p[5] * n - 1, down = s->option[1] ? 2 * s->p[5] * n - 2 : n - 1, at = (double)t, share;
    (void)lr;
    if (t > s->n[0]) return dl_item(NULL);
    if (at <= up || (at <= down && s->option[1])) {
        int rising = at <= up;
        share = rising ? at / up : (at - up) / (down - up);
        if (!(share >= 0)) share = 0;                                    /* a phase without steps */
        if (!s->option[2]) *momentum = dli_anneal(s->p[rising ? 4 : 3], s->p[rising ? 3 : 4], share, s->option[0]);
        return dli_anneal(rising ? s->p[1] : s->p[0], rising ? s->p[0] : s->p[1], share, s->option[0]);
    }
    if (s->option[1]) {
        if (!s->option[2]) *momentum = s->p[4];
        return dli_anneal(s->p[1], s->p[2], (at - down) / (n - 1 - down), s->option[0]);
    }
    share = (at - up) / (down - up);
    if (!s->option[2]) *momentum = dli_anneal(s->p[3], s->p[4], share, s->option[0]);
    return dli_anneal(s->p[0], s->p[2], share, s->option[0]);
}
static const dli_schedule_type dli_lr_one_cycle_type = { "lr_one_cycle", dli_lr_one_cycle };
DL_DEF dl_schedule *dl_lr_one_cycle_with(dl_ctx *c, dl_optim *o, double max_lr, int64_t total_steps, dl_lr_one_cycle_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.n[0] = total_steps;
    s.p[0] = max_lr;
    s.p[1] = max_lr / dli_or_double(opts.div_factor, 25);
    s.p[2] = s.p[1] / dli_or_double(opts.final_div_factor, 1e4);
    s.p[3] = dli_or_double(opts.base_momentum, 0.85);
    s.p[4] = dli_or_double(opts.max_momentum, 0.95);
    s.p[5] = dli_or_double(opts.pct_start, 0.3);
    s.option[0] = opts.linear;
    s.option[1] = opts.three_phase;
    s.option[2] = opts.no_cycle_momentum;
    dli_option_range(c, "lr_one_cycle", "max_lr", max_lr, 0, DLI_HUGE);
    dli_option_range(c, "lr_one_cycle", "first learning rate", s.p[1], 0, DLI_HUGE);
    dli_option_range(c, "lr_one_cycle", "last learning rate", s.p[2], 0, DLI_HUGE);
    dli_option_range(c, "lr_one_cycle", "base_momentum", s.p[3], 0, 1);
    dli_option_range(c, "lr_one_cycle", "max_momentum", s.p[4], 0, 1);
    dli_option_range(c, "lr_one_cycle", "pct_start", s.p[5], 0, 1.0000001);
    dli_schedule_steps(c, "lr_one_cycle", "total_steps", total_steps);
    return dli_schedule_create(c, &dli_lr_one_cycle_type, o, &s);
}

static double dli_lr_cyclic(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    int64_t size = s->n[0] + s->n[1], cycle = t / size, at = t % size;
    double share = at <= s->n[0] ? (double)at / (double)s->n[0] : (double)(size - at) / (double)s->n[1];
    (void)lr;
    share *= s->option[0] == DL_TRIANGULAR2 ? dli_power(0.5, cycle) : s->option[0] == DL_EXP_RANGE ? dli_power(s->p[4], t) : 1;
    if (!s->option[2]) *momentum = s->p[3] - (s->p[3] - s->p[2]) * share;
    return s->p[0] + (s->p[1] - s->p[0]) * share;
}
static const dli_schedule_type dli_lr_cyclic_type = { "lr_cyclic", dli_lr_cyclic };
DL_DEF dl_schedule *dl_lr_cyclic_with(dl_ctx *c, dl_optim *o, double base_lr, double max_lr, dl_lr_cyclic_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = base_lr;
    s.p[1] = max_lr;
    s.p[2] = dli_or_double(opts.base_momentum, 0.8);
    s.p[3] = dli_or_double(opts.max_momentum, 0.9);
    s.p[4] = dli_or_double(opts.gamma, 1);
    s.n[0] = opts.step_size_up ? opts.step_size_up : 2000;
    s.n[1] = opts.step_size_down ? opts.step_size_down : s.n[0];
    s.option[0] = (int)opts.mode;
    s.option[2] = opts.no_cycle_momentum;
    dli_option_range(c, "lr_cyclic", "base_lr", base_lr, 0, DLI_HUGE);
    dli_option_range(c, "lr_cyclic", "max_lr", max_lr, 0, DLI_HUGE);
    dli_option_range(c, "lr_cyclic", "base_momentum", s.p[2], 0, 1);
    dli_option_range(c, "lr_cyclic", "max_momentum", s.p[3], 0, 1);
    dli_option_range(c, "lr_cyclic", "gamma", s.p[4], 0, DLI_HUGE);
    dli_option_range(c, "lr_cyclic", "mode", s.option[0], 0, 3);
    dli_schedule_steps(c, "lr_cyclic", "step_size_up", s.n[0]);
    dli_schedule_steps(c, "lr_cyclic", "step_size_down", s.n[1]);
    return dli_schedule_create(c, &dli_lr_cyclic_type, o, &s);
}

static double dli_lr_lambda(const dl_schedule *s, int64_t t, double lr, double *momentum) { (void)momentum; return lr * s->f(t, s->user); }
static const dli_schedule_type dli_lr_lambda_type = { "lr_lambda", dli_lr_lambda };
DL_DEF dl_schedule *dl_lr_lambda(dl_ctx *c, dl_optim *o, dl_lr_fn f, void *user)
{
    dl_schedule s = *dli_nil_schedule();
    if (!f) dl_fail(c, "lr_lambda: the function is NULL");
    s.f = f;
    s.user = user;
    return dli_schedule_create(c, &dli_lr_lambda_type, o, &s);
}

/* plateau: changed by dl_schedule_observe only */
static double dli_lr_plateau(const dl_schedule *s, int64_t t, double lr, double *momentum) { (void)t; (void)lr; (void)momentum; return s->optim->lr; }
static const dli_schedule_type dli_lr_plateau_type = { "lr_plateau", dli_lr_plateau };

/* chained: each part changes what the one before gives; sequential: the part between two milestones, from its step 0 */
static double dli_lr_chained(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    int i;
    for (i = 0; i < s->nparts; i++) lr = s->parts[i]->type->lr(s->parts[i], t, lr, momentum);
    return lr;
}
static double dli_lr_sequential(const dl_schedule *s, int64_t t, double lr, double *momentum)
{
    int i = dli_milestones_passed(s, t);
    return s->parts[i]->type->lr(s->parts[i], i ? t - s->milestones.d[i - 1] : t, lr, momentum);
}
static const dli_schedule_type dli_lr_chained_type = { "lr_chained", dli_lr_chained };
static const dli_schedule_type dli_lr_sequential_type = { "lr_sequential", dli_lr_sequential };

static dl_schedule *dli_schedule_join(dl_ctx *c, const dli_schedule_type *type, const dl_schedule_list *list, dl_shape milestones)
{
    dl_schedule s = *dli_nil_schedule();
    int i, n = 0;
    while (n < DL_MAX_DIMS + 1 && list->s[n] != DLI_SCHEDULES_END) n++;
    if (n == 0 || n > DL_MAX_DIMS) dl_fail(c, "%s: %s schedules, expected 1 to %d", type->name, n ? "too many" : "no", DL_MAX_DIMS);
    for (i = 0; i < n && dli_check_schedule(c, type->name, list->s[i]); i++)
        if (list->s[i]->type == &dli_lr_plateau_type || list->s[i]->optim != list->s[0]->optim)
            dl_fail(c, "%s: schedule %d %s", type->name, i, list->s[i]->optim != list->s[0]->optim ? "has another optimizer" : "is a plateau schedule");
    if (type == &dli_lr_sequential_type && dli_check_milestones(c, type->name, milestones) != n - 1)
        dl_fail(c, "%s: %d milestones between %d schedules", type->name, dli_shape_rank(milestones.d), n);
    if (!c || c->failed || !(s.parts = (dl_schedule **)dl_alloc_keep(c, (size_t)n * sizeof *s.parts))) return dli_nil_schedule();
    for (i = 0; i < n; i++) s.parts[i] = list->s[i];
    s.nparts = n;
    s.milestones = milestones;
    return dli_schedule_create(c, type, list->s[0]->optim, &s);
}
DL_DEF dl_schedule *dl_lr_chained_list(dl_ctx *c, dl_schedule_list list)
{
    dl_shape none = {{0}};
    return dli_schedule_join(c, &dli_lr_chained_type, &list, none);
}
DL_DEF dl_schedule *dl_lr_sequential_list(dl_ctx *c, dl_shape milestones, dl_schedule_list list)
{
    return dli_schedule_join(c, &dli_lr_sequential_type, &list, milestones);
}

DL_DEF dl_schedule *dl_lr_plateau_with(dl_ctx *c, dl_optim *o, dl_lr_plateau_opts opts)
{
    dl_schedule s = *dli_nil_schedule();
    s.p[0] = dli_or_double(opts.factor, 0.1);
    s.p[1] = dli_or_double(opts.threshold, 1e-4);
    s.p[2] = opts.min_lr;
    s.p[3] = dli_or_double(opts.eps, 1e-8);
    s.n[0] = dli_or(opts.patience, 10);
    s.n[1] = opts.cooldown;
    s.option[0] = opts.max;
    s.option[1] = opts.absolute;
    dli_option_range(c, "lr_plateau", "factor", s.p[0], 0, 1);
    dli_option_range(c, "lr_plateau", "threshold", s.p[1], 0, DLI_HUGE);
    dli_option_range(c, "lr_plateau", "min_lr", s.p[2], 0, DLI_HUGE);
    dli_option_range(c, "lr_plateau", "eps", s.p[3], 0, DLI_HUGE);
    if (s.n[0] < 0 || s.n[1] < 0) dl_fail(c, "lr_plateau: patience %l, cooldown %l", s.n[0], s.n[1]);
    return dli_schedule_create(c, &dli_lr_plateau_type, o, &s);
}

DL_DEF int dl_schedule_observe(dl_ctx *c, dl_schedule *s, double value)
{
    double edge, lr;
    if (!dli_check_schedule(c, "schedule_observe", s)) return 0;
    if (s->type != &dli_lr_plateau_type) return 1;                       /* the others look at nothing */
    edge = s->option[1] ? s->p[1] : s->p[1] * s->best;
    if (!s->seen || (s->option[0] ? value > s->best + edge : value < s->best - edge)) {
        if (value == value) { s->best = value; s->seen = 1; s->bad = 0; }
        else s->bad++;
    } else s->bad++;
    if (s->cooling > 0) { s->cooling--; s->bad = 0; }
    if (s->bad <= s->n[0]) return 1;
    lr = s->optim->lr * s->p[0];
    if (lr < s->p[2]) lr = s->p[2];
    if (s->optim->lr - lr > s->p[3]) s->optim->lr = lr;
    s->cooling = (int)s->n[1];
    s->bad = 0;
    return 1;
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

static double dli_grad_norm(const dl_ctx *c, dl_module *root)
{
    double scale = 1, sum = dli_grad_squares(c, root, scale);
    if (sum < 1e-20 || sum > 1e30) {                                    /* squares may have left the range of the number type */
        double largest = dli_grad_largest(c, root);
        if (largest > 0 && largest < 1.7e308) {
            scale = largest < 1e-30 ? 1e30 : 1 / largest;
            sum = dli_grad_squares(c, root, scale);
        }
    }
    return dli_sqrt64(sum) / scale;
}

DL_DEF double dl_clip_grad_norm(dl_ctx *c, dl_module *root, double max_norm)
{
    dl_module *m;
    dl_param *p;
    double norm, factor;
    int i;
    if (!dli_check_module(c, "clip_grad_norm", root)) return dl_item(NULL);
    if (!(max_norm >= 0)) { dl_fail(c, "clip_grad_norm: the largest norm is %g", max_norm); return dl_item(NULL); }
    norm = dli_grad_norm(c, root);
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

DL_DEF void dl_clip_grad_adaptive_with(dl_ctx *c, dl_module *root, dl_clip_grad_adaptive_opts opts)
{
    double clipping = dli_or_double(opts.clipping, 0.01), eps = dli_or_double(opts.eps, 1e-3);
    dl_module *m;
    dl_param *p;
    int i;
    if (!dli_check_module(c, "clip_grad_adaptive", root)) return;
    dli_option_range(c, "clip_grad_adaptive", "clipping", clipping, 0, DLI_HUGE);
    dli_option_range(c, "clip_grad_adaptive", "eps", eps, 0, DLI_HUGE);
    if (c->failed) return;
    DLI_EACH_PARAM(root, m, i, p)
        if (p->tensor->grad) {
            const dl_tensor *w = p->tensor;
            int64_t units = w->ndim > 1 ? w->shape[0] : 1, n = w->size / units, u;
            for (u = 0; u < units; u++) {
                double most = dli_sqrt64((double)c->k->sum_squares(w->data + u * n, 0, 1, n));
                double norm = dli_sqrt64((double)c->k->sum_squares(w->grad + u * n, 0, 1, n));
                most = clipping * (most > eps ? most : eps);
                if (norm > most) c->k->scale(w->grad + u * n, (dl_real)(most / norm), n);
            }
        }
}

DL_DEF void dl_add_grad_noise_with(dl_ctx *c, dl_module *root, int64_t t, dl_add_grad_noise_opts opts)
{
    double eta = dli_or_double(opts.eta, 0.01), gamma = dli_or_double(opts.gamma, 0.55), std;
    dl_real row[DLI_CHUNK];
    dl_module *m;
    dl_param *p;
    int64_t at;
    int i;
    if (!dli_check_module(c, "add_grad_noise", root)) return;
    dli_option_range(c, "add_grad_noise", "eta", eta, 0, DLI_HUGE);
    dli_option_range(c, "add_grad_noise", "gamma", gamma, 0, DLI_HUGE);
    if (t < 0) dl_fail(c, "add_grad_noise: step %l", t);
    if (c->failed) return;
    std = dli_sqrt64(eta) * dli_real_power(1 + (double)t, -gamma / 2);
    DLI_EACH_PARAM(root, m, i, p)
        if (p->tensor->grad) {
            for (at = 0; at < p->tensor->size; at += DLI_CHUNK) {
                int64_t n = dli_min64(DLI_CHUNK, p->tensor->size - at);
                c->k->normal(row, n, c->seed, c->calls, (uint64_t)at);
                c->k->axpy(p->tensor->grad + at, (dl_real)std, row, n);
            }
            c->calls++;
        }
}

/* ================================================================================================
   >>data        data sets, IDX files, drawn digits, mini-batches, evaluation, training
   ================================================================================================ */
static const dl_dataset dli_nil_dataset = { DLI_NIL, DLI_NIL, 0, 0, NULL };
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
typedef struct {
    dli_file f;
    int      type, ndim;
    size_t   elem;                      /* bytes of one value                                  */
    int64_t  shape[4], count;
} dli_idx;

/* Opens the file and checks all of its header against its length.  0 after an error, with the file closed. */
static int dli_idx_open(dl_ctx *c, dli_idx *x, const char *path)
{
    static const unsigned char size_of[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2, 4, 4, 8, 0};
    dli_file *f = &x->f;
    unsigned char head[4], dim_bytes[16], *dims;
    int64_t limit = (int64_t)(DLI_MAX_BYTES / 8), bytes;
    int i;
    if (!dli_file_open(c, f, "idx", path) || !dli_file_read(c, f, head, 4, "HeaderTruncated")) return 0;
    if (head[0] == 0x1f && head[1] == 0x8b)
        return dli_file_fail_text(c, f, "BadMagic at byte 0: 1f 8b is gzip; unpack the file first (gunzip)");
    if (head[0] || head[1]) return dli_file_fail(c, f, "BadMagic", 0, "first two bytes, as a number", 0, head[0] * 256 + head[1]);
    x->type = head[2];
    x->elem = size_of[head[2] & 15];
    x->ndim = head[3];
    if (head[2] > 15 || !x->elem) return dli_file_fail(c, f, "UnsupportedType", 2, "type, 8, 9 or 11 to 14", 8, x->type);
    if (x->ndim < 1 || x->ndim > 4) return dli_file_fail(c, f, "RankTooLarge", 3, "number of axes, 1 to 4", 4, x->ndim);
    if (!dli_file_read(c, f, dim_bytes, 4 * x->ndim, "HeaderTruncated")) return 0;
    x->count = 1;
    for (i = 0, dims = dim_bytes; i < x->ndim; i++, dims += 4) {
        x->shape[i] = (int64_t)((uint32_t)dims[0] << 24 | (uint32_t)dims[1] << 16 | (uint32_t)dims[2] << 8 | dims[3]);
        if (x->shape[i] == 0) return dli_file_fail(c, f, "EmptyAxis", 4 + 4 * i, "size of the axis, at least", 1, 0);
        if (x->shape[i] > limit / x->count)
            return dli_file_fail(c, f, "SizeOverflow", 4 + 4 * i, "size of the axis, at most", limit / x->count, x->shape[i]);
        x->count *= x->shape[i];
    }
    bytes = x->count * (int64_t)x->elem;
    if (f->length - f->at < bytes) return dli_file_fail(c, f, "DataTruncated", f->at, "bytes of data", bytes, f->length - f->at);
    if (f->length - f->at > bytes) return dli_file_fail(c, f, "TrailingData", f->at + bytes, "bytes of data", bytes, f->length - f->at);
    return 1;
}

/* All values, over divisor if they become reals; closes the file.  0 after an error. */
static int dli_idx_read(dl_ctx *c, dli_idx *x, dl_tensor *t, double divisor)
{
    unsigned char buffer[4096], *b = buffer;
    int64_t i, left = 0;
    for (i = 0; i < x->count && !c->failed; i++, b += x->elem, left--) {
        uint32_t high;
        double value;
        if (left == 0) {
            left = dli_min64((int64_t)(sizeof buffer / x->elem), x->count - i);
            b = buffer;
            if (!dli_file_read(c, &x->f, buffer, left * (int64_t)x->elem, "DataTruncated")) return 0;
        }
        high = x->elem < 4 ? 0 : (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (x->type == 8)       value = b[0];
        else if (x->type == 9)  value = b[0] < 128 ? b[0] : b[0] - 256;
        else if (x->type == 11) value = (b[0] < 128 ? b[0] : b[0] - 256) * 256 + b[1];
        else if (x->type == 12) value = (double)high - (b[0] < 128 ? 0 : 4294967296.0);
        else if (x->type == 13) { float v; memcpy(&v, &high, 4); value = (double)v; }
        else {
            uint64_t bits = (uint64_t)high << 32 | (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];
            memcpy(&value, &bits, 8);
        }
        if (t->idata) t->idata[i] = (int32_t)value;
        else t->data[i] = (dl_real)(value / divisor);
    }
    dli_file_close(&x->f);
    return !c->failed;
}

DL_DEF dl_tensor *dl_data_idx(dl_ctx *c, const char *path)
{
    dli_idx x;
    dl_tensor *t;
    if (!dli_idx_open(c, &x, path)) return DLI_NIL;
    t = dli_leaf(c, "data_idx", x.type < 13 ? DL_INT32 : DL_REAL, x.ndim, x.shape, 0);
    return dli_idx_read(c, &x, t, 1) ? t : DLI_NIL;
}

static int dli_mnist_open(dl_ctx *c, dli_idx *x, char *path, const char *folder, const char *name, int ndim)
{
    if (!dli_path_join(c, "data_mnist", path, folder, name) || !dli_idx_open(c, x, path)) return 0;
    if (x->type != 8) return dli_file_fail(c, &x->f, "UnsupportedType", 2, "type", 8, x->type);
    if (x->ndim != ndim) return dli_file_fail(c, &x->f, "BadMagic", 3, "number of axes", ndim, x->ndim);
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
    images.f.file = labels.f.file = NULL;
    if (dli_mnist_open(c, &images, image_path, folder, o.train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte", 3) &&
        dli_mnist_open(c, &labels, label_path, folder, o.train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte", 1)) {
        shape[0] = images.shape[0]; shape[1] = 1; shape[2] = images.shape[1]; shape[3] = images.shape[2];
        if (labels.count != shape[0])
            dli_file_fail(c, &labels.f, "CountMismatch", 4, "labels, one for each image", shape[0], labels.count);
        x = dli_leaf(c, "data_mnist", DL_REAL, 4, shape, 1);
        t = dli_leaf(c, "data_mnist", DL_INT32, 1, shape, 1);
        if (!c->failed && dli_idx_read(c, &images, x, 255) && dli_idx_read(c, &labels, t, 1)) {
            for (i = 0; i < t->size && !c->failed; i++)
                if (t->idata[i] > 9) dli_file_fail(c, &labels.f, "BadLabel", 8 + i, "largest label", 9, t->idata[i]);
            d = dl_data_tensors(c, x, t);
        }
    }
    dli_file_close(&images.f);
    dli_file_close(&labels.f);
    if (c->failed) { dli_arena_release(&c->keep, mark); return DLI_NIL_DATASET; }
    d->classes = 10;
    return d;
}

/* --- CIFAR, binary: records of a label, for CIFAR-100 a coarse and a fine one, and 3 planes of 32 x 32 bytes ------------ */
enum { DLI_CIFAR_PIXELS = 3 * 32 * 32, DLI_CIFAR_FILES = 5 };
typedef struct {
    const char *who, *files[DLI_CIFAR_FILES];
    int nfiles, nlabels, which;         /* the labels of a record, and which of them counts      */
    int classes[2];                     /* of each                                               */
} dli_cifar;

static dl_dataset *dli_cifar_read(dl_ctx *c, const char *folder, const dli_cifar *how)
{
    unsigned char record[DLI_CIFAR_PIXELS + 2];
    char path[DLI_CIFAR_FILES][DLI_PATH_SIZE];
    dli_file f[DLI_CIFAR_FILES];
    int64_t shape[4], size = how->nlabels + DLI_CIFAR_PIXELS, i;
    dl_dataset *d = DLI_NIL_DATASET;
    dl_tensor *x, *t;
    dli_mark mark;
    int k, j;
    if (!c || c->failed) return d;
    if (!folder) { dl_fail(c, "%s: the folder is NULL", how->who); return d; }
    mark = dli_arena_mark(&c->keep);
    shape[0] = 0; shape[1] = 3; shape[2] = shape[3] = 32;
    memset(f, 0, sizeof f);
    for (k = 0; k < how->nfiles && !c->failed; k++) {
        if (!dli_path_join(c, how->who, path[k], folder, how->files[k]) || !dli_file_open(c, &f[k], how->who, path[k])) break;
        if (f[k].length == 0) dli_file_fail(c, &f[k], "EmptyFile", 0, "bytes, at least", size, 0);
        else if (f[k].length % size)
            dli_file_fail(c, &f[k], "PartialRecord", f[k].length / size * size, "bytes of the last record", size, f[k].length % size);
        shape[0] += f[k].length / size;
    }
    x = dli_leaf(c, how->who, DL_REAL, 4, shape, 1);
    t = dli_leaf(c, how->who, DL_INT32, 1, shape, 1);
    for (k = 0, i = 0; k < how->nfiles; k++) {
        while (!c->failed && f[k].at < f[k].length && dli_file_read(c, &f[k], record, size, "DataTruncated")) {
            for (j = 0; j < how->nlabels; j++)
                if (record[j] >= how->classes[j])
                    dli_file_fail(c, &f[k], "BadLabel", f[k].at - size + j, "largest label", how->classes[j] - 1, record[j]);
            t->idata[i] = record[how->which];
            for (j = 0; j < DLI_CIFAR_PIXELS; j++)
                x->data[i * DLI_CIFAR_PIXELS + j] = (dl_real)(record[how->nlabels + j] / 255.0);
            i++;
        }
        dli_file_close(&f[k]);
    }
    d = dl_data_tensors(c, x, t);
    if (c->failed) { dli_arena_release(&c->keep, mark); return DLI_NIL_DATASET; }
    d->classes = how->classes[how->which];
    return d;
}

DL_DEF dl_dataset *dl_data_cifar10_with(dl_ctx *c, const char *folder, dl_data_cifar10_opts o)
{
    static const dli_cifar train = {"data_cifar10", {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                    "data_batch_5.bin"}, 5, 1, 0, {10, 0}};
    static const dli_cifar test = {"data_cifar10", {"test_batch.bin", NULL, NULL, NULL, NULL}, 1, 1, 0, {10, 0}};
    return dli_cifar_read(c, folder, o.train ? &train : &test);
}

DL_DEF dl_dataset *dl_data_cifar100_with(dl_ctx *c, const char *folder, dl_data_cifar100_opts o)
{
    dli_cifar how = {"data_cifar100", {"test.bin", NULL, NULL, NULL, NULL}, 1, 2, 1, {20, 100}};
    if (o.train) how.files[0] = "train.bin";
    if (o.coarse) how.which = 0;
    return dli_cifar_read(c, folder, &how);
}

/* --- a folder of pictures in sub-folders, one for each class -------------------------------------------------------------- */
#if defined(__unix__) || defined(__APPLE__) || defined(__MINGW32__)
#include <dirent.h>
#define DLI_DIRENT 1
#else
#define DLI_DIRENT 0
#endif

typedef struct { const char **name; int n; } dli_names;

static int dli_name_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* What is in a folder, sorted, hidden files left out; the names live in the step. */
static int dli_folder_list(dl_ctx *c, const char *who, const char *path, dli_names *list)
{
#if DLI_DIRENT
    DIR *dir = opendir(path);
    struct dirent *entry;
    int room = 0;
    list->name = NULL;
    list->n = 0;
    if (!dir) { dl_fail(c, "%s: \"%s\": cannot open the folder: %s", who, path, strerror(errno)); return 0; }
    while (!c->failed && (entry = readdir(dir)) != NULL) {
        size_t size = strlen(entry->d_name) + 1;
        char *copy;
        if (entry->d_name[0] == '.') continue;
        if (list->n == room) {
            const char **bigger = (const char **)dl_alloc(c, (size_t)(room = room ? 2 * room : 64) * sizeof *bigger);
            if (bigger && list->n) memcpy(bigger, list->name, (size_t)list->n * sizeof *bigger);
            list->name = bigger;
        }
        copy = (char *)dl_alloc(c, size);
        if (c->failed) break;
        memcpy(copy, entry->d_name, size);
        list->name[list->n++] = copy;
    }
    closedir(dir);
    if (!c->failed && list->n) qsort(list->name, (size_t)list->n, sizeof *list->name, dli_name_order);
    return !c->failed;
#else
    (void)path; (void)list;
    dl_fail(c, "%s: this system offers no way to list a folder", who);
    return 0;
#endif
}

DL_DEF dl_dataset *dl_data_image_folder_with(dl_ctx *c, const char *folder, dl_data_image_folder_opts o)
{
    static const char who[] = "data_image_folder";
    char class_path[DLI_PATH_SIZE], path[DLI_PATH_SIZE];
    dl_image_load_opts how;
    dl_dataset *d = DLI_NIL_DATASET;
    dl_tensor *x = DLI_NIL, *t = DLI_NIL;
    dli_names classes, *files = NULL;
    dli_mark keep, step;
    int64_t n = 0, at = 0, size = 0;
    const char **names;
    int k, i;
    if (!c || c->failed) return d;
    if (!folder) { dl_fail(c, "%s: the folder is NULL", who); return d; }
    memset(&how, 0, sizeof how);
    how.resize = o.resize; how.crop = o.crop; how.channels = o.channels ? o.channels : 3;
    keep = dli_arena_mark(&c->keep);
    step = dli_arena_mark(&c->step);
    if (dli_folder_list(c, who, folder, &classes)) files = (dli_names *)dl_alloc(c, (size_t)(classes.n + 1) * sizeof *files);
    for (k = 0; !c->failed && k < classes.n; k++) {
        if (dli_path_join(c, who, class_path, folder, classes.name[k]) && dli_folder_list(c, who, class_path, &files[k]))
            n += files[k].n = o.per_class > 0 && files[k].n > o.per_class ? o.per_class : files[k].n;
    }
    if (n == 0) dl_fail(c, "%s: \"%s\" has no pictures in sub-folders", who, folder);
    names = (const char **)dl_alloc_keep(c, (size_t)dli_max64(n ? classes.n : 0, 1) * sizeof *names);
    for (k = 0; !c->failed && k < classes.n; k++) {
        names[k] = dli_keep_name(c, classes.name[k]);
        dli_path_join(c, who, class_path, folder, classes.name[k]);
        for (i = 0; !c->failed && i < files[k].n; i++, at++) {
            dli_mark mark = dli_arena_mark(&c->step);
            dl_tensor *one;
            if (!dli_path_join(c, who, path, class_path, files[k].name[i])) break;
            one = dl_image_load_with(c, path, how);
            if (c->failed) break;
            if (at == 0) {
                int64_t shape[DL_MAX_DIMS];
                memcpy(shape, one->shape, sizeof shape);
                shape[0] = n;
                x = dli_leaf(c, who, DL_REAL, 4, shape, 1);
                t = dli_leaf(c, who, DL_INT32, 1, shape, 1);
                size = one->size;
                if (c->failed) break;
            }
            if (one->shape[1] != x->shape[1] || one->shape[2] != x->shape[2] || one->shape[3] != x->shape[3]) {
                dl_fail(c, "%s: \"%s\": (1,C,H,W) is %t, the pictures before it make %t; .resize and .crop make them equal", who, path, one, x);
                break;
            }
            memcpy(x->data + at * size, one->data, (size_t)size * sizeof *x->data);
            t->idata[at] = k;
            dli_arena_release(&c->step, mark);
        }
    }
    d = dl_data_tensors(c, x, t);
    dli_arena_release(&c->step, step);
    if (c->failed) { dli_arena_release(&c->keep, keep); return DLI_NIL_DATASET; }
    d->classes = classes.n;
    d->names = names;
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
    int epochs = opts.epochs ? opts.epochs : 1, epoch, grad, training;
    how.batch_size = opts.batch_size ? opts.batch_size : 64;
    how.shuffle = !opts.no_shuffle;
    plain.loss = opts.loss;
    scores.loss = scores.accuracy = dl_item(NULL);
    if (epochs < 0 || !(opts.clip_norm >= 0)) dl_fail(c, "fit: epochs %d, clip_norm %g", epochs, opts.clip_norm);
    batches = dl_loader_create_with(c, train, how);
    if (!c || c->failed) return scores;
    progress = dli_progress_create(opts.quiet, epochs, train->size);
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
            dl_optim_step(c, o);
            if (opts.schedule && !opts.schedule_by_epoch) dl_schedule_step(c, opts.schedule);
            if (!c->failed) dli_progress_show(&progress, epoch + 1, sum.n, dli_tally_mean(c, &sum), NULL, 0);
        }
        scores = dli_tally_mean(c, &sum);
        if (opts.validation) validation = dl_evaluate_with(c, m, opts.validation, plain);
        if (!c->failed) dli_progress_show(&progress, epoch + 1, sum.n, scores, opts.validation ? &validation : NULL, 1);
        if (opts.validation) scores = validation;
        if (opts.schedule && opts.schedule_by_epoch) dl_schedule_step(c, opts.schedule);
        if (opts.schedule) dl_schedule_observe(c, opts.schedule, scores.loss);
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
    char memory[32];
    double bytes = 0;
    int grad, training, base;
    dli_mark mark;
    if (!dli_check_module(c, "summary", m) || !dli_check_dataset(c, "summary", d)) return;
    mark = dli_arena_mark(&c->step);
    grad = dl_set_grad_enabled(c, 0);
    training = dl_set_training(c, 0);
    base = c->depth;
    c->watch = &first;
    dl_forward(c, m, dli_gather_rows(c, d->inputs, NULL, 0, 1));
    c->watch = NULL;
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

/* One tile, R <= mr rows and K <= KC.  wide: all DLI_NR columns (AVX-512: more than 16), else the first width of 16.
   C = alpha A B, or with add: C + alpha A B; with t->chain the sums go on from C. */
#define dli_tile DLI_FN(dli_tile_)
DLI_V void dli_tile(const int R, const int wide, const dli_panel *t, const dl_real *a0, const dl_real *b, dl_real *c, int64_t width,
                    int64_t K, int add)
{
    enum { V_WIDE = DLI_NR / 16 };
    const int V = wide ? V_WIDE : 1, masked = V == 2 || !wide;       /* a mask costs nothing on AVX-512 */
    const int64_t last = width - 16 * (V - 1), a_row = t->a_row, a_col = t->a_col, b_row = t->b_row, ldc = t->ldc;
    const dl_real *a3 = R > 3 ? a0 + 3 * a_row : a0, *a6 = R > 6 ? a0 + 6 * a_row : a0, *a9 = R > 9 ? a0 + 9 * a_row : a0;
    const dlv zero = dlv_set(0), alpha = dlv_set(t->alpha);
    dlv b0 = zero, b1 = zero;
#define DLI_LOAD_LAST(p) (masked ? dlv_load_n(p, last, 0) : dlv_load(p))
#define DLI_LOAD_0(p)    (V == 1 ? DLI_LOAD_LAST(p) : dlv_load(p))
#define DLI_ROW(i, ai, r) dlv x##i = zero, y##i = zero;
    DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    if (t->chain) {
#define DLI_ROW(i, ai, r) if (R > i) { x##i = DLI_LOAD_0(c + i * ldc); if (V == 2) y##i = DLI_LOAD_LAST(c + i * ldc + 16); }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    } else if (K > 64) {
#define DLI_ROW(i, ai, r) if (R > i) { DLI_PREFETCH(c + i * ldc); DLI_PREFETCH(c + i * ldc + width - 1); }
        DLI_TILE_ROWS(DLI_ROW)
#undef DLI_ROW
    }
    for (; K > 0; K--) {
        b0 = DLI_LOAD_0(b);
        if (V == 2) b1 = DLI_LOAD_LAST(b + 16);
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
#define DLI_PUT(p, v, m) { if (m) dlv_store_n(p, v, last); else dlv_store(p, v); }
#define DLI_ROW(i, ai, r) if (R > i) {                                                             \
        DLI_PUT(c, dlv_mul(alpha, x##i), masked && V == 1)                                         \
        if (V == 2) DLI_PUT(c + 16, dlv_mul(alpha, y##i), 1)                                       \
        c += ldc;                                                                                  \
    }
    if (!add) { DLI_TILE_ROWS(DLI_ROW) }
#undef DLI_ROW
#define DLI_ROW(i, ai, r) if (R > i) {                                                             \
        DLI_PUT(c, dlv_fma(alpha, x##i, DLI_LOAD_0(c)), masked && V == 1)                          \
        if (V == 2) DLI_PUT(c + 16, dlv_fma(alpha, y##i, DLI_LOAD_LAST(c + 16)), 1)                \
        c += ldc;                                                                                  \
    }
    else { DLI_TILE_ROWS(DLI_ROW) }
#undef DLI_ROW
#undef DLI_PUT
#undef DLI_LOAD_0
#undef DLI_LOAD_LAST
    (void)a3; (void)a6; (void)a9;
}

#define DLI_TILE_ARGS const dli_panel *t, const dl_real *a, const dl_real *b, dl_real *c, int64_t width, int64_t K, int add
#define DLI_TILE(R)                                                                                \
    DLI_KERNEL(void, tile_wide_##R)(DLI_TILE_ARGS)   { dli_tile(R, 1, t, a, b, c, width, K, add); } \
    DLI_KERNEL(void, tile_narrow_##R)(DLI_TILE_ARGS) { dli_tile(R, 0, t, a, b, c, width, K, add); }
DLI_TILES(DLI_TILE)
#undef DLI_TILE
typedef void DLI_FN(dli_tile_fn)(DLI_TILE_ARGS);
static DLI_FN(dli_tile_fn) *const DLI_FN(dli_tiles)[2][DLI_MR] = {
#define DLI_TILE(R) DLI_FN(dli_tile_narrow_##R),
    {DLI_TILES(DLI_TILE)},
#undef DLI_TILE
#define DLI_TILE(R) DLI_FN(dli_tile_wide_##R),
    {DLI_TILES(DLI_TILE)}
#undef DLI_TILE
};

/* C = activation(C + bias) on rows that are still in the first cache; c is column j of the first. */
#define dli_finish DLI_FN(dli_finish_)
static DLI_NOINLINE DLI_TARGET void dli_finish(const dli_panel *t, dl_real *c, int64_t rows, int64_t j, int64_t n)
{
    const dl_real *bias = t->bias ? t->bias + j : NULL;
    for (; rows > 0; rows--, c += t->ldc) {
        if (bias) for (j = 0; j < n; j++) c[j] = c[j] + bias[j];
        switch (t->activation) {
        case DL_LINEAR: break;
        case DL_RELU:    for (j = 0; j < n; j++) c[j] = c[j] > 0 ? c[j] : 0; break;
        case DL_SIGMOID: for (j = 0; j < n; j++) c[j] = dli_sigmoid(c[j]); break;
        case DL_TANH:    for (j = 0; j < n; j++) c[j] = dli_tanh(c[j]); break;
        }
    }
}

/* To the second cache: rows [k, end) of the next panel. */
DLI_V void DLI_FN(dli_fetch)(const dl_real *b, int64_t b_row, int64_t k, int64_t end)
{
    for (; k < end; k++) {
        DLI_PREFETCH2(b + k * b_row);
        if (DLI_NR == 32) DLI_PREFETCH2(b + k * b_row + 16);
    }
}

/* Panels of B one after the other, each with all rows, in tiles of nearly equal height: 64 = 11 + 11 + 11 + 11 + 10 + 10,
   not 5 x 12 + 4. */
DLI_KERNEL(void, gemm_panel)(dli_panel *t)
{
    const int64_t M = t->M, N = t->N, K = t->K, ntiles = (M + DLI_MR - 1) / DLI_MR, b_panel = t->b_panel ? t->b_panel : DLI_NR;
    int64_t i, j, k, rows, width, left;
    if (t->a_tile) t->a_row = 1, t->a_col = DLI_MR;
    for (j = 0; j < N; j += DLI_NR) {
        const dl_real *a = t->a, *b = t->b + j / DLI_NR * b_panel, *next = t->next && j + 2 * DLI_NR <= N ? b + b_panel : t->next;
        DLI_FN(dli_tile_fn) *const *tiles;
        dl_real *c = t->c + j;
        width = N - j < DLI_NR ? N - j : DLI_NR;
        tiles = DLI_FN(dli_tiles)[DLI_NR == 32 ? width > 16 : width == DLI_NR] - 1;
        for (i = 0, left = ntiles; left > 0; i += rows, left--) {
            rows = left == 1 ? M - i : (M - i + left - 1) / left;
            if (next) DLI_FN(dli_fetch)(next, t->b_row, K * i / M, K * (i + rows) / M);
            if (t->beta != 0 && t->beta != 1) for (k = 0; k < rows; k++) DLI_FN(dli_scale)(c + k * t->ldc, t->beta, width);
            tiles[rows](t, a, b, c, width, K < DLI_KC ? K : DLI_KC, t->beta != 0);
            for (k = DLI_KC; k < K; k += DLI_KC)
                tiles[rows](t, a + k * t->a_col, b + k * t->b_row, c, width, K - k < DLI_KC ? K - k : DLI_KC, 1);
            if (t->last) dli_finish(t, c, rows, j, width);
            a += t->a_tile ? t->a_tile : rows * t->a_row;
            c += rows * t->ldc;
        }
    }
}

/* Vectors in small arrays are registers only after full unrolling, which gcc does at O3: 2 to 4 times faster. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__) && DLI_ISA > 0 && !defined(DLI_ASAN)
#pragma GCC push_options
#pragma GCC optimize("O3")
#endif

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
    if (t->last) dli_finish(t, t->c, t->M, 0, t->N);
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
        dlv s = dlv_load_n(sums + j, n - j, 0);
        for (r = 0; r < R; r++) s = dlv_fma(x[r], dlv_load_n(b + r * b_row + j, n - j, 0), s);
        dlv_store_n(sums + j, s, n - j);
    }
}

/* A few rows of A: B is read once, as it stands, some of its rows at a time from end to end; sums is M x N. */
DLI_KERNEL(void, gemm_rows)(dli_panel *t, dl_real *sums)
{
    const int64_t M = t->M, N = t->N;
    int64_t i, j, k, p, end;
    for (p = 0; p < t->K; p = end) {
        end = t->K - p < DLI_KC ? t->K : p + DLI_KC;
        if (M == 1) {
            for (j = 0; j < N; j++) sums[j] = 0;
            for (k = p; k + 8 <= end; k += 8) dli_rows(8, sums, t->a + k * t->a_col, t->a_col, t->b + k * t->b_row, t->b_row, N);
            for (; k < end; k++)              dli_rows(1, sums, t->a + k * t->a_col, t->a_col, t->b + k * t->b_row, t->b_row, N);
        } else {
            dli_panel s = *t;
            s.c = sums; s.ldc = N;
            s.alpha = 1; s.beta = 0; s.last = 0;
            for (k = p; k < end; k += s.K) {
                s.a = t->a + k * t->a_col;
                s.b = t->b + k * t->b_row;
                s.K = M > 4 ? 16 : 8;
                if (s.K > end - k) s.K = end - k;
                s.chain = k > p;
                DLI_FN(dli_gemm_panel)(&s);
            }
        }
        for (i = 0; i < M; i++) {
            const dl_real *s = sums + i * N;
            dl_real *c = t->c + i * t->ldc;
            if (t->beta == 0) for (j = 0; j < N; j++) c[j] = t->alpha * s[j];
            else              for (j = 0; j < N; j++) c[j] = dli_fma(t->alpha, s[j], t->beta * c[j]);
        }
        t->beta = 1;
    }
    if (t->last) dli_finish(t, t->c, M, 0, N);
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
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__) && DLI_ISA > 0 && !defined(DLI_ASAN)
#pragma GCC pop_options
#endif
#undef DLI_TILE_ROWS
#undef DLI_TILES
#undef DLI_PREFETCH
#undef DLI_PREFETCH2
#undef DLI_TILE_ARGS
#undef dli_tile
#undef dli_finish

/* --- >>conv, the part that depends on the instruction set ----------------------------------------
   Pieces are copied 16 numbers at a time, in ascending order: what is too much is overwritten by the next piece, and behind
   the last row there is room for it. */
DLI_KERNEL(void, conv_pack)(dl_real *out, const dl_real *x, const int64_t *offset, int64_t rows, const dli_piece *pieces, int64_t npieces)
{
    int64_t k, i;
    for (k = 0; k < rows; k++, out += DLI_NR)
        for (i = 0; i < npieces; i++) dlv_store(out + pieces[i].to, dlv_load(x + offset[k] + pieces[i].from));
}

DLI_KERNEL(void, conv_pack_t)(dl_real *out, const dl_real *x, const int64_t *offset, int64_t width, const dli_piece *pieces, int64_t npieces)
{
    int64_t i, j, l;
#if DLI_ISA == 0
    for (i = 0; i < npieces; i++)
        for (l = 0; l < pieces[i].n; l++)
            for (j = 0; j < width; j++) out[(pieces[i].to + l) * DLI_NR + j] = x[offset[j] + pieces[i].from + l];
#elif DLI_ISA == 1
    DLI_FN(dli_row) r[8];
    int64_t half;
    for (i = 0; i < npieces; i++)
        for (half = 0; half < pieces[i].n; half += 8)
            for (j = 0; j < width; j += 8) {
                const dl_real *p = x + pieces[i].from + half;
                const int64_t n = pieces[i].n - half;
                for (l = 0; l < 8; l++) r[l] = _mm256_loadu_ps(p + offset[j + l < width ? j + l : j]);
                DLI_FN(dli_transpose)(r);
                for (l = 0; l < 8; l++) if (l < n) _mm256_storeu_ps(out + (pieces[i].to + half + l) * DLI_NR + j, r[l]);
            }
#else
    DLI_FN(dli_row) r[16];
    for (i = 0; i < npieces; i++)
        for (j = 0; j < width; j += 16) {
            const dl_real *p = x + pieces[i].from;
            const int64_t n = pieces[i].n;
            for (l = 0; l < 16; l++) r[l] = _mm512_loadu_ps(p + offset[j + l < width ? j + l : j]);
            DLI_FN(dli_transpose)(r);
            for (l = 0; l < 16; l++) if (l < n) _mm512_storeu_ps(out + (pieces[i].to + l) * DLI_NR + j, r[l]);
        }
#endif
}

DLI_KERNEL(void, conv_finish)(dl_real *y, const dl_real *x, int64_t n, dl_real bias, const dl_real *r, dl_activation f, int add)
{
    dl_real row[64];
    int64_t i, l;
    for (i = 0; i < n; i += 64, y += 64, x += 64) {
        const int64_t m = n - i < 64 ? n - i : 64;
        dl_real *out = add ? row : y;
        if (r) for (l = 0; l < m; l++) out[l] = (x[l] + bias) + r[i + l];
        else   for (l = 0; l < m; l++) out[l] = x[l] + bias;
        switch (f) {
        case DL_LINEAR: break;
        case DL_RELU:    for (l = 0; l < m; l++) out[l] = out[l] <= 0 ? 0 : out[l]; break;
        case DL_SIGMOID: for (l = 0; l < m; l++) out[l] = dli_sigmoid(out[l]); break;
        case DL_TANH:    for (l = 0; l < m; l++) out[l] = dli_tanh(out[l]); break;
        }
        if (add) for (l = 0; l < m; l++) y[l] = y[l] + row[l];
    }
}

/* --- >>winograd, the part that depends on the instruction set ------------------------------------ */

#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__) && !defined(DLI_ASAN)
#pragma GCC push_options            /* small arrays of vectors stay in registers only if their loops are unrolled: twice as fast */
#pragma GCC optimize("O3")
#endif

/* G g:  from 3 taps, step numbers apart, to 6 */
#define dli_wino_g DLI_FN(dli_wino_g_)
DLI_V void dli_wino_g(dlv *out, int step, dlv g0, dlv g1, dlv g2)
{
    const dlv sixth = dlv_set(DLI_C(1) / 6), a = dlv_mul(dlv_add(g0, g2), sixth), b = dlv_mul(g1, sixth);
    const dlv c = dlv_fma(g2, sixth, dlv_mul(g0, dlv_set(DLI_C(1) / 24))), d = dlv_mul(g1, dlv_set(DLI_C(1) / 12));
    out[0]        = dlv_mul(g0, dlv_set(DLI_C(0.25)));
    out[step]     = dlv_sub(dlv_set(0), dlv_add(a, b));
    out[2 * step] = dlv_sub(b, a);
    out[3 * step] = dlv_add(c, d);
    out[4 * step] = dlv_sub(c, d);
    out[5 * step] = g2;
}

/* B^T d:  from 6 pixels to 6 */
#define dli_wino_b DLI_FN(dli_wino_b_)
DLI_V void dli_wino_b(dlv *out, int step, dlv d0, dlv d1, dlv d2, dlv d3, dlv d4, dlv d5)
{
    const dlv four = dlv_set(4), a = dlv_fma(dlv_set(-4), d2, d4), b = dlv_fma(dlv_set(-4), d1, d3);
    const dlv c = dlv_sub(d4, d2), d = dlv_sub(d3, d1), e = dlv_add(d, d);
    out[0]        = dlv_fma(four, dlv_sub(d0, d2), c);
    out[step]     = dlv_add(a, b);
    out[2 * step] = dlv_sub(a, b);
    out[3 * step] = dlv_add(c, e);
    out[4 * step] = dlv_sub(c, e);
    out[5 * step] = dlv_fma(dlv_set(-4), d, dlv_sub(d5, d3));
}

/* A^T m:  from 6 sums to 4 pixels */
#define dli_wino_a DLI_FN(dli_wino_a_)
DLI_V void dli_wino_a(dlv *out, int step, dlv m0, dlv m1, dlv m2, dlv m3, dlv m4, dlv m5)
{
    const dlv s = dlv_add(m1, m2), d = dlv_sub(m1, m2), t = dlv_add(m3, m4), e = dlv_sub(m3, m4);
    out[0]        = dlv_add(dlv_add(m0, s), t);
    out[step]     = dlv_fma(dlv_set(2), e, d);
    out[2 * step] = dlv_fma(dlv_set(4), t, s);
    out[3 * step] = dlv_add(dlv_fma(dlv_set(8), e, d), m5);
}

/* U = G g G^T; flip: of g turned by 180 degrees */
DLI_KERNEL(void, winograd_weights)(dl_real *u, int64_t u_pos, const dl_real *taps, int flip)
{
    dlv half[18], all[36];
    int i;
    for (i = 0; i < 3; i++) {
        const dl_real *g = taps + 16 * (flip ? 8 - i : i);
        const int row = flip ? -48 : 48;
        dli_wino_g(half + i, 3, dlv_load(g), dlv_load(g + row), dlv_load(g + 2 * row));
    }
    for (i = 0; i < 6; i++) dli_wino_g(all + 6 * i, 1, half[3 * i], half[3 * i + 1], half[3 * i + 2]);
    for (i = 0; i < 36; i++) dlv_store(u + i * u_pos, all[i]);
}

/* V = B^T d B */
DLI_KERNEL(void, winograd_input)(dl_real *v, int64_t v_pos, int64_t v_tile, const dl_real *x, int64_t x_row, int64_t n)
{
    dlv half[36], row[6];
    int i, j;
    for (; n > 0; n--, v += v_tile, x += 64) {
        for (i = 0; i < 6; i++) {
            const dl_real *p = x + 16 * i;
            dli_wino_b(half + i, 6, dlv_load(p), dlv_load(p + x_row), dlv_load(p + 2 * x_row), dlv_load(p + 3 * x_row),
                       dlv_load(p + 4 * x_row), dlv_load(p + 5 * x_row));
        }
        for (i = 0; i < 6; i++) {
            const dlv *h = half + 6 * i;
            dli_wino_b(row, 1, h[0], h[1], h[2], h[3], h[4], h[5]);
            for (j = 0; j < 6; j++) dlv_store(v + (6 * i + j) * v_pos, row[j]);
        }
    }
}

/* y = A^T M A */
DLI_KERNEL(void, winograd_output)(dl_real *y, int64_t y_row, const dl_real *m, int64_t m_pos, int64_t m_tile, int64_t n)
{
    dlv half[24], row[4];
    int i, j;
    for (; n > 0; n--, y += 64, m += m_tile) {
        for (i = 0; i < 6; i++) {
            const dl_real *p = m + i * m_pos;
            dli_wino_a(half + i, 6, dlv_load(p), dlv_load(p + 6 * m_pos), dlv_load(p + 12 * m_pos), dlv_load(p + 18 * m_pos),
                       dlv_load(p + 24 * m_pos), dlv_load(p + 30 * m_pos));
        }
        for (i = 0; i < 4; i++) {
            const dlv *h = half + 6 * i;
            dli_wino_a(row, 1, h[0], h[1], h[2], h[3], h[4], h[5]);
            for (j = 0; j < 4; j++) dlv_store(y + i * y_row + 16 * j, row[j]);
        }
    }
}
#undef dli_wino_g
#undef dli_wino_b
#undef dli_wino_a

DLI_KERNEL(void, transpose_to)(dl_real *out, int64_t ldo, const dl_real *x, int64_t ldx, int64_t n, int64_t width)
{
    int64_t i, j, l;
#if DLI_ISA == 0
    for (j = 0; j < width; j++)
        for (i = 0; i < n; i++) out[i * ldo + j] = x[j * ldx + i];
    (void)l;
#else
    DLI_FN(dli_row) r[DLI_SQUARE];
    for (j = 0; j < width; j += DLI_SQUARE)
        for (i = 0; i < n; i += DLI_SQUARE) {
            const int64_t in = n - i < DLI_SQUARE ? n - i : DLI_SQUARE, jn = width - j < DLI_SQUARE ? width - j : DLI_SQUARE;
            for (l = 0; l < DLI_SQUARE; l++) r[l] = l < jn ? DLI_LOAD_ROW(x + (j + l) * ldx + i, in) : DLI_ZERO_ROW;
            DLI_FN(dli_transpose)(r);
            for (l = 0; l < DLI_SQUARE; l++) if (l < in) DLI_STORE_ROW(out + (i + l) * ldo + j, r[l], jn);
        }
#endif
}
#if defined(__GNUC__) && !defined(__clang__) && !defined(__TINYC__) && !defined(DLI_ASAN)
#pragma GCC pop_options
#endif
#undef DLI_SQUARE
#undef DLI_ALL
#undef DLI_LOAD_ROW
#undef DLI_STORE_ROW
#undef DLI_ZERO_ROW

/* --- pooling --------------------------------------------------------------------------------------
   Lanes are 16 neighbouring windows (pool) or 16 columns of one phase, a stride apart (pool_back); the taps are met in
   row-major order, so that the first of equals wins and sums have one order.
   load_step: lane l is p[l s] if its mask bit is set (s = 2: bit 2 l), else nothing.  store_step: with s = 1 lanes of a, with
   s = 2 of a and b in turn, where the mask has bits.  pick: v > m or v is NaN ? a : b.  if_at: at = tap ? v : 0. */
#define dlv_load_step   DLI_FN(dlv_load_step_)
#define dlv_store_step  DLI_FN(dlv_store_step_)
#define dlv_store_bytes DLI_FN(dlv_store_bytes_)
#define dlv_pick        DLI_FN(dlv_pick_)
#define dlv_if_at       DLI_FN(dlv_if_at_)

DLI_V dlv DLI_FN(dlv_load_lanes_)(const dl_real *p, int64_t s, uint32_t m, dlv nothing)
{
    dl_real v[16];
    int64_t l;
    dlv_store(v, nothing);
    for (l = 0; l < 16; l++) if (m >> (s == 2 ? 2 * l : l) & 1) v[l] = p[l * s];
    return dlv_load(v);
}
#if DLI_ISA == 0
DLI_V dlv dlv_load_step(const dl_real *p, int64_t s, uint32_t m, dlv nothing)
{
    return DLI_FN(dlv_load_lanes_)(p, s, m, nothing);
}
DLI_V void dlv_store_step(dl_real *p, int64_t s, uint32_t m, dlv a, dlv b)
{
    int64_t i;
    for (i = 0; i < 16 * s; i++) if (m >> i & 1) p[i] = s == 1 ? a.v[i] : i % 2 ? b.v[i / 2] : a.v[i / 2];
}
DLI_V void dlv_store_bytes(unsigned char *p, dlv a) { DLI_LANES(p[l] = (unsigned char)a.v[l]); }
DLI_V dlv  dlv_pick(dlv v, dlv m, dlv a, dlv b) { DLI_LANES(if (v.v[l] > m.v[l] || v.v[l] != v.v[l]) b.v[l] = a.v[l]); return b; }
DLI_V dlv  dlv_if_at(const unsigned char *at, int tap, dlv v) { DLI_LANES(if (at[l] != tap) v.v[l] = 0); return v; }
#elif DLI_ISA == 1
DLI_V __m256i dli_bits8_avx2(uint32_t m)
{
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)m), bit), bit);
}
DLI_V __m256 dli_load8_avx2(const float *p, uint32_t m, __m256 nothing)
{
    const __m256i k = dli_bits8_avx2(m);
    return _mm256_blendv_ps(nothing, _mm256_maskload_ps(p, k), _mm256_castsi256_ps(k));
}
DLI_V __m256 dli_even8_avx2(const float *p, uint32_t m, __m256 nothing)                 /* p[0], p[2], .. p[14] */
{
    const __m256 a = dli_load8_avx2(p, m, nothing), b = dli_load8_avx2(p + 8, m >> 8, nothing);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xD8));
}
DLI_V dlv dlv_load_step(const float *p, int64_t s, uint32_t m, dlv nothing)
{
    dlv r;
    if (s > 2) return DLI_FN(dlv_load_lanes_)(p, s, m, nothing);
    if (s == 1) { r.a = dli_load8_avx2(p, m, nothing.a); r.b = dli_load8_avx2(p + 8, m >> 8, nothing.a); }
    else        { r.a = dli_even8_avx2(p, m, nothing.a); r.b = dli_even8_avx2(p + 16, m >> 16, nothing.a); }
    return r;
}
DLI_V void dlv_store_step(float *p, int64_t s, uint32_t m, dlv a, dlv b)
{
    if (s == 2) {
        const __m256 c = _mm256_unpacklo_ps(a.b, b.b), d = _mm256_unpackhi_ps(a.b, b.b);
        const __m256 e = _mm256_unpacklo_ps(a.a, b.a), f = _mm256_unpackhi_ps(a.a, b.a);
        _mm256_maskstore_ps(p + 16, dli_bits8_avx2(m >> 16), _mm256_permute2f128_ps(c, d, 0x20));
        _mm256_maskstore_ps(p + 24, dli_bits8_avx2(m >> 24), _mm256_permute2f128_ps(c, d, 0x31));
        a.a = _mm256_permute2f128_ps(e, f, 0x20);
        a.b = _mm256_permute2f128_ps(e, f, 0x31);
    }
    _mm256_maskstore_ps(p, dli_bits8_avx2(m), a.a);
    _mm256_maskstore_ps(p + 8, dli_bits8_avx2(m >> 8), a.b);
}
DLI_V void dlv_store_bytes(unsigned char *p, dlv x)
{
    __m256i w = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
    w = _mm256_permute4x64_epi64(w, 0xD8);
    _mm_storeu_si128((__m128i *)(void *)p, _mm_packus_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
}
DLI_V __m256 dli_pick8_avx2(__m256 v, __m256 m, __m256 a, __m256 b)
{
    return _mm256_blendv_ps(b, a, _mm256_or_ps(_mm256_cmp_ps(v, m, _CMP_GT_OQ), _mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
}
DLI_V dlv dlv_pick(dlv v, dlv m, dlv a, dlv b)
{
    dlv r;
    r.a = dli_pick8_avx2(v.a, m.a, a.a, b.a);
    r.b = dli_pick8_avx2(v.b, m.b, a.b, b.b);
    return r;
}
DLI_V dlv dlv_if_at(const unsigned char *at, int tap, dlv v)
{
    const __m128i e = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8((char)tap));
    v.a = _mm256_and_ps(v.a, _mm256_castsi256_ps(_mm256_cvtepi8_epi32(e)));
    v.b = _mm256_and_ps(v.b, _mm256_castsi256_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(e, 8))));
    return v;
}
#elif DLI_ISA == 2
DLI_V dlv dlv_load_step(const float *p, int64_t s, uint32_t m, dlv nothing)
{
    if (s > 2) return DLI_FN(dlv_load_lanes_)(p, s, m, nothing);
    if (s == 1) return m == 0xFFFF ? _mm512_loadu_ps(p) : _mm512_mask_loadu_ps(nothing, (__mmask16)m, p);
    if (m == 0x55555555) return _mm512_permutex2var_ps(_mm512_loadu_ps(p), _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31),
                                                       _mm512_loadu_ps(p + 15));
    return _mm512_permutex2var_ps(_mm512_mask_loadu_ps(nothing, (__mmask16)m, p),
                                  _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                                  _mm512_mask_loadu_ps(nothing, (__mmask16)(m >> 16), p + 16));
}
DLI_V void dlv_store_step(float *p, int64_t s, uint32_t m, dlv a, dlv b)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    if (s == 2) {
        const dlv high = _mm512_permutex2var_ps(a, _mm512_add_epi32(low, _mm512_set1_epi32(8)), b);
        if (m >> 16 == 0xFFFF) _mm512_storeu_ps(p + 16, high);
        else _mm512_mask_storeu_ps(p + 16, (__mmask16)(m >> 16), high);
        a = _mm512_permutex2var_ps(a, low, b);
    }
    if ((m & 0xFFFF) == 0xFFFF) _mm512_storeu_ps(p, a);
    else _mm512_mask_storeu_ps(p, (__mmask16)m, a);
}
DLI_V void dlv_store_bytes(unsigned char *p, dlv x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_maskz_cvtepi32_epi8(0xFFFF, _mm512_maskz_cvtps_epi32(0xFFFF, x)));
}
DLI_V dlv dlv_pick(dlv v, dlv m, dlv a, dlv b)
{
    return _mm512_mask_blend_ps(_kor_mask16(_mm512_cmp_ps_mask(v, m, _CMP_GT_OQ), _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q)), b, a);
}
DLI_V dlv dlv_if_at(const unsigned char *at, int tap, dlv v)
{
    return _mm512_maskz_mov_ps(_mm_cmpeq_epi8_mask(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8((char)tap)), v);
}
#endif

#if defined(__GNUC__) && !defined(__TINYC__)
#define DLI_AHEAD(p) __builtin_prefetch(p)
#else
#define DLI_AHEAD(p) ((void)0)
#endif

/* s and what: constants where it is inlined */
DLI_V void DLI_FN(dli_pool_rows)(dl_real *y, unsigned char *at, const dl_real *x, const dli_pool *p, int64_t planes, const int64_t s, const int what)
{
    const int64_t width = p->y_width, x_width = p->x_width, kernel = p->kernel, dilation = p->dilation, padding = p->padding, pitch = p->pitch;
    const dlv nothing = dlv_set(p->nothing), one = dlv_set(1);
    const int32_t *start = p->start;
    int64_t r, i, k;
    for (; planes > 0; planes--, x += p->x_rows * x_width)
        for (r = 0; r < p->y_rows; r++, y += width) {
            const uint32_t *mask = p->mask;
            for (i = 0; i < width; i += 16, mask += kernel) {
                dlv best = nothing, tap = dlv_set(0), number, v;
                const dli_link *link = p->link + start[r], *end = p->link + start[r + 1];
                for (; link < end; link++) {
                    const dl_real *row = x + link->row * x_width + (i * s - padding);
                    DLI_AHEAD(row); if (s == 2) DLI_AHEAD(row + 16);
                    if (what == 1) number = dlv_set((dl_real)link->tap);
                    for (k = 0; k < kernel; k++, row += dilation) {
                        v = dlv_load_step(row, s, mask[k], nothing);
                        if (what == 2) best = dlv_add(best, v);
                        else {
                            if (what == 1) { tap = dlv_pick(v, best, number, tap); number = dlv_add(number, one); }
                            best = dlv_pick(v, best, v, best);
                        }
                    }
                }
                if (what == 2) best = dlv_div(best, dlv_load_n(p->divisor + r * width + i, width - i, 1));
                if (what == 1) dlv_store_bytes(at + i, tap);
                dlv_store_n(y + i, best, width - i);
            }
            if (what == 1) at += pitch;
        }
}
DLI_KERNEL(void, pool)(dl_real *y, unsigned char *at, const dl_real *x, const dli_pool *p, int64_t planes)
{
#define DLI_WHAT(s)                                                                                \
    { if (p->divisor) DLI_FN(dli_pool_rows)(y, at, x, p, planes, s, 2);                             \
      else if (at)    DLI_FN(dli_pool_rows)(y, at, x, p, planes, s, 1);                             \
      else            DLI_FN(dli_pool_rows)(y, at, x, p, planes, s, 0); }
    if (p->stride == 1) DLI_WHAT(1) else if (p->stride == 2) DLI_WHAT(2) else DLI_WHAT(p->stride)
#undef DLI_WHAT
}

/* sum += g of the windows whose tap k is in these 16 columns, j - k dilation / s being the first of them */
#define DLI_ADD_TAP(sum, k)                                                                        \
    {                                                                                              \
        const int64_t i = j - (k) * p->dilation / s;                                               \
        dlv v = dlv_load_step(from + i, 1, mask[k], zero);                                         \
        if (with_at) v = dlv_if_at(of + i, link->tap + (int)(k), v);                               \
        sum = dlv_add(sum, v);                                                                     \
    }
DLI_V void DLI_FN(dli_pool_back_rows)(dl_real *dx, const dl_real *g, const unsigned char *at, const dli_pool *p, int64_t planes, int add, const int64_t s, const int with_at)
{
    const int64_t kernel = p->kernel, width = p->x_width, odd = p->dilation % 2;
    const dlv zero = dlv_set(0);
    int64_t r, j, k, l, column;
    for (; planes > 0; planes--, g += p->y_rows * p->y_width, at += with_at ? p->y_rows * p->pitch : 0)
        for (r = 0; r < p->x_rows; r++, dx += width) {
            const uint32_t *mask = p->mask;
            for (j = p->padding / s; (column = j * s - p->padding) < width; j += 16, mask += kernel) {
                const int64_t lo = column < 0 ? -column : 0, hi = width - column < 16 * s ? width - column : 16 * s;
                const dli_link *link = p->link + p->start[r], *end = p->link + p->start[r + 1];
                const uint32_t m = (uint32_t)((((uint64_t)1 << (hi & 63)) - 1) & ~(uint64_t)0 << (lo & 63));
                dlv a = zero, b = zero;
                if (s > 2) for (l = lo; l < hi && !add; l++) dx[column + l] = 0;
                else DLI_AHEAD(dx + column);
                for (; link < end; link++) {
                    const dl_real *from = g + link->row * p->y_width;
                    const unsigned char *of = with_at ? at + link->row * p->pitch : NULL;
                    if (s == 1) for (k = 0; k < kernel; k++) DLI_ADD_TAP(a, k)
                    else if (s == 2 && odd) for (k = 0; k < kernel; k += 2) {
                        DLI_ADD_TAP(a, k)
                        if (k + 1 < kernel) DLI_ADD_TAP(b, k + 1)
                    }
                    else if (s == 2) for (k = 0; k < kernel; k++) DLI_ADD_TAP(a, k)
                    else for (k = 0; k < kernel; k++) {
                        const int64_t phase = k * p->dilation % s;
                        dl_real lane[16];
                        a = zero;
                        DLI_ADD_TAP(a, k)
                        dlv_store(lane, a);
                        for (l = 0; l < 16; l++) if (l * s + phase >= lo && l * s + phase < hi) dx[column + l * s + phase] += lane[l];
                    }
                }
                if (s > 2) continue;
                if (add) {
                    a = dlv_add(a, dlv_load_step(dx + column, s, s == 2 ? m & 0x55555555 : m, zero));
                    if (s == 2) b = dlv_add(b, dlv_load_step(dx + column + 1, s, m >> 1 & 0x55555555, zero));
                }
                dlv_store_step(dx + column, s, m, a, b);
            }
        }
}
#undef DLI_ADD_TAP
DLI_KERNEL(void, pool_back)(dl_real *dx, const dl_real *g, const unsigned char *at, const dli_pool *p, int64_t planes, int add)
{
#define DLI_WHAT(s)                                                                                \
    { if (at) DLI_FN(dli_pool_back_rows)(dx, g, at, p, planes, add, s, 1);                          \
      else    DLI_FN(dli_pool_back_rows)(dx, g, at, p, planes, add, s, 0); }
    if (p->stride == 1) DLI_WHAT(1) else if (p->stride == 2) DLI_WHAT(2) else DLI_WHAT(p->stride)
#undef DLI_WHAT
}
#undef DLI_AHEAD

/* --- normalisation: see dli_norm_row -------------------------------------------------------------
   Sums as in >>rows: four accumulators over a block of 4096 and a fixed tree; blocks are joined in double. */

/* v <= 0 ? 0 : g, as the gradient of relu has it */
#define dlv_gate DLI_FN(dlv_gate_)
#if DLI_ISA == 0
DLI_V dlv dlv_gate(dlv v, dlv g) { DLI_LANES(g.v[l] = v.v[l] <= 0 ? 0 : g.v[l]); return g; }
#elif DLI_ISA == 1
DLI_V dlv dlv_gate(dlv v, dlv g)
{
    const __m256 zero = _mm256_setzero_ps();
    g.a = _mm256_and_ps(g.a, _mm256_cmp_ps(v.a, zero, _CMP_NLE_UQ));
    g.b = _mm256_and_ps(g.b, _mm256_cmp_ps(v.b, zero, _CMP_NLE_UQ));
    return g;
}
#elif DLI_ISA == 2
DLI_V dlv dlv_gate(dlv v, dlv g) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NLE_UQ), g); }
#endif

#if defined(__GNUC__) && !defined(__TINYC__)
#define DLI_NORM_FETCH(p)   __builtin_prefetch(p)
#define DLI_NORM_FETCH_W(p) __builtin_prefetch(p, 1)          /* to be written */
#else
#define DLI_NORM_FETCH(p)   ((void)(p))
#define DLI_NORM_FETCH_W(p) ((void)(p))
#endif
#define DLI_NORM_FULL(p, j)        dlv_load((p) + (j))
#define DLI_NORM_PART(p, j)        dlv_load_n((p) + (j), n - (j), 0)
#define DLI_NORM_STORE(p, v)       dlv_store((p) + i, v)
#define DLI_NORM_STORE_PART(p, v)  dlv_store_n((p) + i, v, n - i)

/* Two sums: TERM(s, t, j, LOAD, last) adds to s and t what the 16 elements from j on give; beyond n it must add 0. */
#define DLI_NORM_SUMS(TERM)                                                                        \
    dlv s0 = dlv_set(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;            \
    int64_t i = 0;                                                                                 \
    for (; i + 64 <= n; i += 64) {                                                                 \
        TERM(s0, t0, i, DLI_NORM_FULL)      TERM(s1, t1, i + 16, DLI_NORM_FULL)                    \
        TERM(s2, t2, i + 32, DLI_NORM_FULL) TERM(s3, t3, i + 48, DLI_NORM_FULL)                    \
    }                                                                                              \
    if (i      < n) TERM(s0, t0, i, DLI_NORM_PART)                                                 \
    if (i + 16 < n) TERM(s1, t1, i + 16, DLI_NORM_PART)                                            \
    if (i + 32 < n) TERM(s2, t2, i + 32, DLI_NORM_PART)                                            \
    if (i + 48 < n) TERM(s3, t3, i + 48, DLI_NORM_PART)                                            \
    s[0] += dlv_sum(dlv_add(dlv_add(s0, s1), dlv_add(s2, s3)));                                    \
    s[1] += dlv_sum(dlv_add(dlv_add(t0, t1), dlv_add(t2, t3)))

DLI_V void DLI_FN(dli_moments_block)(double *s, const dl_real *x, dl_real origin, int64_t n, int64_t ahead)
{
    const dlv shift = dlv_set(origin);
#define DLI_NORM_PART_X(p, j) dlv_load_n((p) + (j), n - (j), origin)
#define DLI_NORM_TERM(s, t, j, LOAD) { dlv d = dlv_sub(LOAD##_X(x, j), shift); DLI_NORM_FETCH(x + (j) + ahead); s = dlv_add(s, d); t = dlv_fma(d, d, t); }
#define DLI_NORM_FULL_X DLI_NORM_FULL
    DLI_NORM_SUMS(DLI_NORM_TERM);
#undef DLI_NORM_TERM
#undef DLI_NORM_PART_X
#undef DLI_NORM_FULL_X
}
DLI_KERNEL(void, norm_moments)(double *s, const dl_real *x, dl_real shift, int64_t n, int64_t ahead)
{
    int64_t i;
    for (i = 0; i < n; i += 4096) DLI_FN(dli_moments_block)(s, x + i, shift, n - i < 4096 ? n - i : 4096, ahead);
}

/* Beyond n: g reads as 0, and so h is 0. */
DLI_V void DLI_FN(dli_norm_sums_block)(double *s, const dl_real *g, const dl_real *x, const dl_real *y, const dl_real *w, int64_t n,
                                       const dli_norm_row *p)
{
    const dlv shift = dlv_set(p->shift), scale = dlv_set(p->scale), offset = dlv_set(p->offset);
    const int relu = p->relu;
    const int64_t ahead = p->ahead;
#define DLI_NORM_TERM(s, t, j, LOAD)                                                               \
    {                                                                                              \
        dlv h = LOAD(g, j), d = dlv_sub(LOAD(x, j), shift);                                        \
        DLI_NORM_FETCH(g + (j) + ahead);                                                             \
        DLI_NORM_FETCH(x + (j) + ahead);                                                             \
        if (w) h = dlv_mul(h, LOAD(w, j));                                                         \
        if (relu && y) DLI_NORM_FETCH(y + (j) + ahead);                                            \
        if (relu) h = dlv_gate(y ? LOAD(y, j) : dlv_fma(d, scale, offset), h);                     \
        s = dlv_add(s, h);                                                                         \
        t = dlv_fma(h, d, t);                                                                      \
    }
    DLI_NORM_SUMS(DLI_NORM_TERM);
#undef DLI_NORM_TERM
}
DLI_KERNEL(void, norm_sums)(double *s, const dl_real *g, const dl_real *x, const dl_real *y, int64_t n, const dli_norm_row *p)
{
    int64_t i;
    for (i = 0; i < n; i += 4096)
        DLI_FN(dli_norm_sums_block)(s, g + i, x + i, y ? y + i : y, p->w ? p->w + i : NULL, n - i < 4096 ? n - i : 4096, p);
}

DLI_KERNEL(void, norm_forward)(dl_real *y, const dl_real *x, const dl_real *r, int64_t n, const dli_norm_row *p)
{
    const dlv shift = dlv_set(p->shift), scale = dlv_set(p->scale), offset = dlv_set(p->offset), zero = dlv_set(0);
    const dl_real *w = p->w, *b = p->b;
    const int relu = p->relu;
    const int64_t ahead = p->ahead;
    int64_t i = 0;
#define DLI_NORM_TERM(LOAD, STORE)                                                                 \
    {                                                                                              \
        DLI_NORM_FETCH_W(y + i + ahead);                                                             \
        dlv v = dlv_fma(dlv_sub(LOAD(x, i), shift), scale, offset);                                \
        if (w) v = dlv_mul(v, LOAD(w, i));                                                         \
        if (b) v = dlv_add(v, LOAD(b, i));                                                         \
        if (r) { DLI_NORM_FETCH(r + i + ahead); v = dlv_add(v, LOAD(r, i)); }                       \
        if (relu) v = dlv_max(zero, v);                             /* keeps a NaN */              \
        STORE(y, v);                                                                               \
    }
    for (; i + 16 <= n; i += 16) DLI_NORM_TERM(DLI_NORM_FULL, DLI_NORM_STORE)
    if (i < n) DLI_NORM_TERM(DLI_NORM_PART, DLI_NORM_STORE_PART)
#undef DLI_NORM_TERM
}

/* Stores come after all loads of the 16 elements, except that dx and dr may be one array, to which both add. */
DLI_KERNEL(void, norm_backward)(const dl_real *g, const dl_real *x, const dl_real *y, int64_t n, const dli_norm_row *p)
{
    const dlv shift = dlv_set(p->shift), scale = dlv_set(p->scale), offset = dlv_set(p->offset);
    const dlv h_factor = dlv_set(p->h_factor), x_factor = dlv_set(p->x_factor), constant = dlv_set(p->constant);
    const dl_real *w = p->w;
    dl_real *dx = p->dx, *dr = p->dr, *dw = p->dw, *db = p->db;
    const int relu = p->relu, add_dx = p->add_dx, add_dr = p->add_dr;
    const int64_t ahead = p->ahead;
    int64_t i = 0;
#define DLI_NORM_TERM(LOAD, STORE)                                                                 \
    {                                                                                              \
        dlv h = LOAD(g, i), d = dlv_sub(LOAD(x, i), shift);                                        \
        if (dw) STORE(dw, dlv_fma(h, dlv_fma(d, scale, offset), LOAD(dw, i)));                     \
        if (db) STORE(db, dlv_add(LOAD(db, i), h));                                                \
        if (w) h = dlv_mul(h, LOAD(w, i));                                                         \
        if (relu) h = dlv_gate(y ? LOAD(y, i) : dlv_fma(d, scale, offset), h);                     \
        if (dx) {                                                                                  \
            d = dlv_fma(h, h_factor, dlv_fma(d, x_factor, constant));                              \
            if (add_dx) d = dlv_add(d, LOAD(dx, i));                                               \
            DLI_NORM_FETCH_W(dx + i + ahead);                                                        \
            STORE(dx, d);                                                                          \
        }                                                                                          \
        if (dr) {                                                                                  \
            DLI_NORM_FETCH_W(dr + i + ahead);                                                      \
            if (add_dr) h = dlv_add(h, LOAD(dr, i));                                               \
            STORE(dr, h);                                                                          \
        }                                                                                          \
    }
    for (; i + 16 <= n; i += 16) DLI_NORM_TERM(DLI_NORM_FULL, DLI_NORM_STORE)
    if (i < n) DLI_NORM_TERM(DLI_NORM_PART, DLI_NORM_STORE_PART)
#undef DLI_NORM_TERM
}
#undef dlv_gate
#undef DLI_NORM_FULL
#undef DLI_NORM_PART
#undef DLI_NORM_STORE
#undef DLI_NORM_STORE_PART
#undef DLI_NORM_SUMS
#undef DLI_NORM_FETCH
#undef DLI_NORM_FETCH_W

/* --- optimizers ---------------------------------------------------------------------------------- */
DLI_KERNEL(void, sgd)(dl_real *w, const dl_real *g, dl_real *a, int64_t n, const dli_update *o)
{
    const dl_real lr = o->lr, l2 = o->l2, direct = o->direct, keep = o->keep1, fresh = o->fresh1, through = o->through;
    int64_t i;
    if (a) for (i = 0; i < n; i++) {
        const dl_real d = dli_fma(l2, w[i], g[i]);
        a[i] = dli_fma(keep, a[i], fresh * d);
        w[i] = dli_fma(-lr, dli_fma(through, a[i], direct * d), w[i]);
    } else for (i = 0; i < n; i++) w[i] = dli_fma(-lr, dli_fma(l2, w[i], g[i]), w[i]);
}

DLI_V void DLI_FN(dli_adam_row)(dl_real *w, const dl_real *g, dl_real *a, dl_real *v, int64_t n, const dli_update *o)
{
    const dl_real lr = o->lr, l2 = o->l2, shrink = o->shrink, direct = o->direct, root = o->root, eps = o->eps;
    const dl_real fresh1 = o->fresh1, keep2 = o->keep2, fresh2 = o->fresh2;
    int64_t i;
    for (i = 0; i < n; i++) {
        const dl_real d = dli_fma(l2, w[i], g[i]);
        dl_real step = direct * d;
        v[i] = dli_fma(keep2, v[i], fresh2 * d * d);
        if (a) { a[i] = dli_fma(fresh1, d - a[i], a[i]); step = dli_fma(lr, a[i], step); }
        w[i] = dli_fma(shrink, w[i], -(step / dli_fma(dli_sqrt(v[i]), root, eps)));
    }
}
DLI_KERNEL(void, adam)(dl_real *w, const dl_real *g, dl_real *a, dl_real *v, int64_t n, const dli_update *o)
{
    if (a) DLI_FN(dli_adam_row)(w, g, a, v, n, o); else DLI_FN(dli_adam_row)(w, g, NULL, v, n, o);
}

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
