/* build: double */
/* The gradient of every differentiable op against central differences, in double.

   Rows of dl.h's elementwise tables are checked as they stand, with no line here.  Every other op has rows
   GRADCHECK(name, inputs, call), and tests/check.sh fails if one has none.  A row is run for each of its inputs, with the
   gradients of all of them, of each alone and of all but one asked for, and with two of them being the same tensor.
   Then the gradients of every row are made wrong on purpose, and the check must notice. */
#include "dl.h"
#include "test.h"

/* --- the rows ---------------------------------------------------------------------------------------------------------
   Inputs: sets separated by ';', an input is a kind and a shape, "r2x3 i4:2x1" (just "r" is a scalar):
   r  reals in [-2, 2]         p  positive        d  no two within 1/16 of each other        n  near 1 or -1
   f  reals where the result is finite            q  probabilities, the last axis sums to 1
   m, w, t  like 0 or 1, p, q but not differentiated       iN:  int32 in 0 .. N - 1
   Reals keep 1/64 away from 0, from multiples of 1/8 and from other inputs: the kinks are there. */
#define UNARY   "f3x5; f1; f2x1x19; f37"
#define BINARY  "f3x5 f3x5; f3x1 f1x17; f2x1x19 f5x1; f f2x3; f2x3 f; f1x1x1 f4; f4 f3x4; f2x1x3 f2x5x3; f2x5x3 f2x1x3; f33 f33; f1x4x1 f3x1x21"
#define TERNARY "m3x5 f3x5 f3x5; m3x1 f1x17 f; m f2x3 f2x3; m2x1x19 f5x1 f2x5x1; m4 f f1x4"

#define ROWS_BY_TABLE(GRADCHECK)                                                                                        \
    DL_UNARY_OPS(UNARY_ROW) DL_UNARY_SCALAR_OPS(SCALAR_ROW) DL_UNARY_RANGE_OPS(RANGE_ROW)                               \
    DL_BINARY_OPS(BINARY_ROW) DL_TERNARY_OPS(TERNARY_ROW)

/* The reductions take 3 axes. */
#define OVER_AXES(GRADCHECK, name, k)                                                                                   \
    GRADCHECK(name, k "3x5x2; " k "4x1x3; " k "2x3x19; " k "37", dl_##name(c, x[0]))                                    \
    GRADCHECK(name, k "3x5x2; " k "4x1x3; " k "2x3x19", dl_##name(c, x[0], .keepdim = 1))                               \
    GRADCHECK(name, k "3x5x2; " k "4x2x3; " k "19x3x2", dl_##name(c, x[0], .dims = DL_DIM(0)))                          \
    GRADCHECK(name, k "3x5x2; " k "1x4x3; " k "2x19x3", dl_##name(c, x[0], .dims = DL_DIM(1), .keepdim = 1))            \
    GRADCHECK(name, k "3x5x2; " k "4x1x3; " k "2x3x19", dl_##name(c, x[0], .dims = DL_DIM(-1)))                         \
    GRADCHECK(name, k "3x5x2; " k "4x1x3; " k "2x3x19", dl_##name(c, x[0], .dims = DL_DIM(0) | DL_DIM(2)))              \
    GRADCHECK(name, k "3x5x2; " k "4x1x3; " k "2x3x19", dl_##name(c, x[0], .dims = DL_DIM(-1) | DL_DIM(-2)))

#define ROWS(GRADCHECK)                                                                                                 \
    GRADCHECK(sub_scalar, UNARY, dl_sub_scalar(c, x[0], 1.5))                                                           \
    /* reductions */                                                                                                    \
    GRADCHECK(sum, "r2x3x4x5", dl_sum(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                                          \
    OVER_AXES(GRADCHECK, sum, "r")                                                                                      \
    GRADCHECK(mean, "r2x3x4x5", dl_mean(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                                        \
    OVER_AXES(GRADCHECK, mean, "r")                                                                                     \
    GRADCHECK(var, "r3x5x2; r1x4x3; r2x19x3", dl_var(c, x[0], .dims = DL_DIM(1), .biased = 1))                          \
    GRADCHECK(var, "r3x5x2; r4x1x3; r2x3x19", dl_var(c, x[0], .biased = 1, .keepdim = 1))                               \
    OVER_AXES(GRADCHECK, var, "r")                                                                                      \
    GRADCHECK(std, "r3x5x2; r1x4x3; r2x19x3", dl_std(c, x[0], .dims = DL_DIM(1), .biased = 1))                          \
    GRADCHECK(std, "r3x5x2; r4x1x3; r2x3x19", dl_std(c, x[0], .biased = 1, .keepdim = 1))                               \
    OVER_AXES(GRADCHECK, std, "r")                                                                                      \
    GRADCHECK(max, "d2x3x4x5", dl_max(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                                          \
    OVER_AXES(GRADCHECK, max, "d")                                                                                      \
    GRADCHECK(min, "d2x3x4x5", dl_min(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                                          \
    OVER_AXES(GRADCHECK, min, "d")                                                                                      \
    GRADCHECK(prod, "p2x3x2x4", dl_prod(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                                        \
    OVER_AXES(GRADCHECK, prod, "n")                                                                                     \
    GRADCHECK(logsumexp, "r2x3x4x5", dl_logsumexp(c, x[0], .dims = DL_DIM(1) | DL_DIM(3)))                              \
    OVER_AXES(GRADCHECK, logsumexp, "r")                                                                                \
    GRADCHECK(norm, "r3x5; r1x7; r2x19", dl_norm(c, x[0], .p = 1))                                                      \
    GRADCHECK(norm, "r3x5; r1x7; r2x19", dl_norm(c, x[0], .p = 3, .dims = DL_DIM(1)))                                   \
    GRADCHECK(norm, "r3x5; r1x7; r2x19", dl_norm(c, x[0], .p = 1.5, .dims = DL_DIM(0), .keepdim = 1))                   \
    GRADCHECK(norm, "d3x5; d1x7; d2x19", dl_norm(c, x[0], .p = INFINITY, .dims = DL_DIM(-1)))                           \
    OVER_AXES(GRADCHECK, norm, "r")                                                                                     \
    GRADCHECK(cumsum, "r3x5x2; r1x4x3; r7; r3x1x19", dl_cumsum(c, x[0], 0))                                             \
    GRADCHECK(cumsum, "r3x5x2; r2x4x3; r3x19", dl_cumsum(c, x[0], 1))                                                   \
    GRADCHECK(cumsum, "r3x5x2; r2x4x1; r3x19", dl_cumsum(c, x[0], -1))                                                  \
    /* shapes */                                                                                                        \
    GRADCHECK(reshape, "r3x4; r1x12; r2x19x3", dl_reshape(c, x[0], DL_SHAPE(-1, 3)))                                    \
    GRADCHECK(view, "r3x4; r1x12; r2x19x3", dl_view(c, x[0], DL_SHAPE(2, -1)))                                          \
    GRADCHECK(flatten, "r3x4x2; r1x2x5; r2x19x3", dl_flatten(c, x[0], 1, -1))                                           \
    GRADCHECK(flatten, "r3x4x2; r1x2x5; r2x19x3", dl_flatten(c, x[0], 0, 1))                                            \
    GRADCHECK(squeeze, "r3x1x4; r1x1; r1x19x1x2", dl_squeeze(c, x[0], 0))                                               \
    GRADCHECK(squeeze, "r1x4x1; r1x1x1; r1x19x1", dl_squeeze(c, x[0], DL_DIM(-1) | DL_DIM(0)))                          \
    GRADCHECK(unsqueeze, "r3x4; r1x1; r2x19", dl_unsqueeze(c, x[0], 0))                                                 \
    GRADCHECK(unsqueeze, "r3x4; r1x1; r2x19", dl_unsqueeze(c, x[0], -1))                                                \
    GRADCHECK(permute, "r3x4x2; r1x2x5; r2x19x3", dl_permute(c, x[0], DL_ORDER(2, 0, 1)))                               \
    GRADCHECK(permute, "r3x4x2; r1x2x5; r2x19x3", dl_permute(c, x[0], DL_ORDER(1, 0, 2)))                               \
    GRADCHECK(permute, "r2x3x4x3; r1x3x1x5; r2x1x3x19", dl_permute(c, x[0], DL_ORDER(0, -1, 1, 2)))                     \
    GRADCHECK(transpose, "r3x4; r1x5; r19x33", dl_transpose(c, x[0], 0, 1))                                             \
    GRADCHECK(transpose, "r3x4x2; r1x2x5; r2x19x3", dl_transpose(c, x[0], 0, -1))                                       \
    GRADCHECK(slice, "r3x5; r3x4x1; r2x19", dl_slice(c, x[0], 1, 1, 4))                                                 \
    GRADCHECK(slice, "r7x3; r5x1x2; r19x2", dl_slice(c, x[0], 0, -4, INT64_MAX, .step = 2))                             \
    GRADCHECK(slice, "r7x3; r5x1x2; r2x19", dl_slice(c, x[0], -1, -100, -1 + (x[0]->shape[x[0]->ndim - 1] < 3) * 3))    \
    GRADCHECK(cat, "r3x5 r3x2; r3x1 r3x4; r2x19 r2x17", dl_cat(c, 2, x, 1))                                             \
    GRADCHECK(cat, "r3x5 r1x5 r2x5; r1 r4 r7; r2x19x1 r3x19x1 r1x19x1", dl_cat(c, 3, x, 0))                             \
    GRADCHECK(cat, "r2x5x3 r2x1x3; r4x2 r4x2; r2x19x2 r2x3x2", dl_cat(c, 2, x, x[0]->ndim == 2 ? -1 : -2))              \
    GRADCHECK(cat, "r3x2; r1; r2x19", cat_many(c, x[0]))                                                                \
    GRADCHECK(stack, "r3x5 r3x5; r r; r19 r19", dl_stack(c, 2, x, 0))                                                   \
    GRADCHECK(stack, "r3x5 r3x5 r3x5; r4x1 r4x1 r4x1; r2x19 r2x19 r2x19", dl_stack(c, 3, x, 1))                         \
    GRADCHECK(stack, "r3x5 r3x5; r1 r1; r2x19 r2x19", dl_stack(c, 2, x, -1))                                            \
    GRADCHECK(split, "r3x5; r1x6; r2x19", part(c, x[0], 2, 1, 1))                                                       \
    GRADCHECK(split, "r5x2; r3; r5x19", part(c, x[0], 2, 0, 1))                                                         \
    GRADCHECK(split, "r3x5; r1x3; r2x19", part(c, x[0], 2, -1, -1))                                                     \
    GRADCHECK(expand, "r3x1; r1x1; r19x1", dl_expand(c, x[0], DL_SHAPE(-1, 5)))                                         \
    GRADCHECK(expand, "r3; r1; r", dl_expand(c, x[0], DL_SHAPE(2, 4, 3)))                                               \
    GRADCHECK(expand, "r2x1x3; r1x1x1; r2x1x19", dl_expand(c, x[0], DL_SHAPE(4, -1, 3, -1)))                            \
    GRADCHECK(repeat, "r3x4; r1x1; r2x19", dl_repeat(c, x[0], DL_SHAPE(2, 3)))                                          \
    GRADCHECK(repeat, "r3x4; r5; r2x19", dl_repeat(c, x[0], DL_SHAPE(3, 1, 2)))                                         \
    GRADCHECK(pad, "r3x4; r1x1; r2x19", dl_pad(c, x[0], pads(1, 0, 0, 2)))                                              \
    GRADCHECK(pad, "r3x4; r1x1; r2x19", dl_pad(c, x[0], pads(0, 3, 1, 1), .value = 1.5))                                \
    GRADCHECK(diag, "r1; r5; r3x3; r2x5; r5x2; r1x7; r7x1", dl_diag(c, x[0]))                                           \
    /* indexing */                                                                                                      \
    GRADCHECK(gather, "r5x3 i5:4x3; r5x1 i5:2x1; r5x19 i5:7x19", dl_gather(c, x[0], 0, x[1]))                           \
    GRADCHECK(gather, "r3x4 i4:3x6; r1x4 i4:1x2; r2x19 i19:2x23", dl_gather(c, x[0], 1, x[1]))                          \
    GRADCHECK(gather, "r2x4x3 i3:2x4x5; r1x4x3 i3:1x4x1; r3x2x19 i19:3x2x23", dl_gather(c, x[0], -1, x[1]))             \
    GRADCHECK(scatter_add, "r5x3 i5:4x3 r4x3; r5x1 i5:2x1 r2x1; r5x19 i5:7x19 r7x19", dl_scatter_add(c, x[0], 0, x[1], x[2]))  \
    GRADCHECK(scatter_add, "r3x4 i4:3x4 r3x4; r1x4 i4:1x2 r1x2; r2x19 i19:2x23 r2x23", dl_scatter_add(c, x[0], -1, x[1], x[2])) \
    GRADCHECK(index_select, "r5x3 i5:4; r5x1x2 i5:1; r5x19 i5:9", dl_index_select(c, x[0], 0, x[1]))                    \
    GRADCHECK(index_select, "r3x5 i5:4; r1x5x2 i5:1; r2x19 i19:23", dl_index_select(c, x[0], 1, x[1]))                  \
    GRADCHECK(index_select, "r3x5 i5:4; r1x2x5 i5:1; r2x19 i19:23", dl_index_select(c, x[0], -1, x[1]))                 \
    GRADCHECK(sort, "d3x5; d1x4; d2x19", dl_sort(c, x[0], 1))                                                           \
    GRADCHECK(sort, "d5x3; d4x1; d19x2", dl_sort(c, x[0], 0, .descending = 1))                                          \
    GRADCHECK(sort, "d2x5x3; d7; d2x3x19", dl_sort(c, x[0], -1))                                                        \
    GRADCHECK(topk, "d3x5; d1x4; d2x19", dl_topk(c, x[0], 3, 1))                                                        \
    GRADCHECK(topk, "d5x3; d4x1; d19x2", dl_topk(c, x[0], 2, 0, .smallest = 1))                                         \
    GRADCHECK(topk, "d2x5x3; d7; d2x3x19", dl_topk(c, x[0], x[0]->shape[x[0]->ndim - 1], -1))                           \
    /* products */                                                                                                      \
    GRADCHECK(matmul, "r3x4 r4x2; r1x5 r5x1; r5x1 r1x3; r7x33 r33x19; r1x3 r3x17; r17x3 r3x1; r4x4 r4x4", dl_matmul(c, x[0], x[1])) \
    GRADCHECK(matmul, "r5 r5; r4 r4x3; r3x4 r4; r2x3x4 r4; r4 r2x4x3; r1 r1; r19 r19x17", dl_matmul(c, x[0], x[1]))      \
    GRADCHECK(matmul, "r2x3x4 r2x4x2; r2x3x4 r4x5; r3x4 r2x4x5; r2x1x3x4 r3x4x2; r1x3x4 r5x4x1; r2x3x4 r1x4x2; r2x2x3x19 r2x2x19x1", \
              dl_matmul(c, x[0], x[1]))                                                                                 \
    GRADCHECK(matmul, "r4x3 r4x2; r2x4x3 r2x4x2; r2x4x3 r4x2; r33x5 r33x19; r1x3 r1x2; r2x1x4x3 r3x4x2; r4x3 r2x4x2",    \
              dl_matmul(c, x[0], x[1], .transpose_a = 1))                                                               \
    GRADCHECK(matmul, "r3x4 r2x4; r2x3x4 r2x2x4; r2x3x4 r2x4; r5x33 r19x33; r3x1 r2x1; r2x1x3x4 r3x2x4; r3x4 r2x2x4",    \
              dl_matmul(c, x[0], x[1], .transpose_b = 1))                                                               \
    GRADCHECK(matmul, "r4x3 r2x4; r2x4x3 r2x2x4; r2x4x3 r2x4; r33x5 r19x33; r1x3 r2x1; r2x1x4x3 r3x2x4; r4x3 r2x2x4",    \
              dl_matmul(c, x[0], x[1], .transpose_a = 1, .transpose_b = 1))                                             \
    GRADCHECK(linear, "r3x4 r5x4 r5; r4 r2x4 r2; r2x3x4 r5x4 r5; r1x1 r1x1 r1; r7x33 r19x33 r19", dl_linear(c, x[0], x[1], x[2])) \
    GRADCHECK(linear, "r3x4 r5x4; r4 r2x4; r2x3x4 r5x4; r1x1 r1x1; r7x33 r19x33", dl_linear(c, x[0], x[1], NULL))       \
    GRADCHECK(linear, LINEAR, dl_linear(c, x[0], x[1], x[2], .activation = DL_RELU))                                    \
    GRADCHECK(linear, LINEAR, dl_linear(c, x[0], x[1], x[2], .activation = DL_SIGMOID))                                 \
    GRADCHECK(linear, LINEAR, dl_linear(c, x[0], x[1], x[2], .activation = DL_TANH))                                    \
    GRADCHECK(linear, "r3x4 r5x4; r4 r2x4; r2x3x19 r5x19", dl_linear(c, x[0], x[1], NULL, .activation = DL_TANH))       \
    /* softmax and losses */                                                                                            \
    GRADCHECK(softmax, "r3x5x2; r1x4x3; r2x3x19", dl_softmax(c, x[0], -1))                                              \
    GRADCHECK(softmax, "r3x5x2; r2x4x3; r2x19", dl_softmax(c, x[0], 1))                                                 \
    GRADCHECK(softmax, "r3x5x2; r2x1x3; r19; r5x33", dl_softmax(c, x[0], 0))                                            \
    GRADCHECK(log_softmax, "r3x5x2; r1x4x3; r2x3x19", dl_log_softmax(c, x[0], -1))                                      \
    GRADCHECK(log_softmax, "r3x5x2; r2x4x3; r2x19", dl_log_softmax(c, x[0], 1))                                         \
    GRADCHECK(log_softmax, "r3x5x2; r2x1x3; r19; r5x33", dl_log_softmax(c, x[0], 0))                                    \
    GRADCHECK(cross_entropy, LABELS, dl_cross_entropy(c, x[0], x[1]))                                                   \
    GRADCHECK(cross_entropy, LABELS, dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM))                              \
    GRADCHECK(cross_entropy, LABELS, dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE))                             \
    GRADCHECK(cross_entropy, LABELS, dl_cross_entropy(c, x[0], x[1], .label_smoothing = 0.2))                           \
    GRADCHECK(cross_entropy, LABELS, dl_cross_entropy(c, x[0], x[1], .label_smoothing = 0.2, .reduction = DL_NONE))     \
    GRADCHECK(cross_entropy, "r7x3 i3:7; r5x4 i4:5; r9x19 i2:9", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1))    \
    GRADCHECK(cross_entropy, "r7x3 i3:7; r5x4 i4:5; r9x19 i2:9",                                                        \
              dl_cross_entropy(c, x[0], x[1], .ignore_index = DL_ZERO, .label_smoothing = 0.1, .reduction = DL_SUM))    \
    GRADCHECK(cross_entropy, WEIGHTED, dl_cross_entropy(c, x[0], x[1], .weight = x[2]))                                 \
    GRADCHECK(cross_entropy, WEIGHTED, dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = 0.2))         \
    GRADCHECK(cross_entropy, WEIGHTED, dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .reduction = DL_NONE)) \
    GRADCHECK(cross_entropy, SOFT, dl_cross_entropy(c, x[0], x[1]))                                                     \
    GRADCHECK(cross_entropy, SOFT, dl_cross_entropy(c, x[0], x[1], .label_smoothing = 0.2, .reduction = DL_SUM))        \
    GRADCHECK(cross_entropy, SOFT, dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE))                               \
    GRADCHECK(cross_entropy, "r4x5 t4x5 w5; r1x3 t1x3 w3; r3x19 t3x19 w19", dl_cross_entropy(c, x[0], x[1], .weight = x[2])) \
    GRADCHECK(mse_loss, LOSS, dl_mse_loss(c, x[0], x[1]))                                                               \
    GRADCHECK(mse_loss, LOSS, dl_mse_loss(c, x[0], x[1], .reduction = DL_SUM))                                          \
    GRADCHECK(mse_loss, LOSS, dl_mse_loss(c, x[0], x[1], .reduction = DL_NONE))                                         \
    GRADCHECK(bce_with_logits, LOSS, dl_bce_with_logits(c, x[0], x[1]))                                                 \
    GRADCHECK(bce_with_logits, LOSS, dl_bce_with_logits(c, x[0], x[1], .reduction = DL_SUM))                            \
    GRADCHECK(bce_with_logits, LOSS, dl_bce_with_logits(c, x[0], x[1], .reduction = DL_NONE))                           \
    GRADCHECK(dropout, "r3x5; r1x7; r2x19; r200", dl_dropout(c, x[0], 0.25))                                            \
    GRADCHECK(dropout, "r3x5; r1x7; r2x19", dl_dropout(c, dl_square(c, dl_dropout(c, x[0], 0.5)), 0.1))                 \
    /* several ops: one tensor used many times, gradients that meet, views */                                           \
    GRADCHECK(composite, "r3x3; r1x1; r17x17", dl_matmul(c, dl_mul(c, x[0], dl_transpose(c, x[0], 0, 1)), dl_tanh(c, x[0]))) \
    GRADCHECK(composite, "r3x5 r5; r4x1 r1; r2x19 r19", residual(c, x[0], x[1]))                                        \
    GRADCHECK(composite, "r3x4 r5x4 r5 r2x5 r2; r1x1 r1x1 r1 r1x1 r1; r6x19 r17x19 r17 r3x17 r3", mlp(c, x))            \
    GRADCHECK(select, "r7x3; r5x1x2; r2x19", dl_select(c, x[0], 0, -1))                                                 \
    GRADCHECK(select, "r7x3; r5x3x2; r2x19", dl_select(c, x[0], 1, 2))

#define LINEAR   "r3x4 r5x4 r5; r4 r2x4 r2; r2x3x4 r5x4 r5; r1x1 r1x1 r1; r5x19 r17x19 r17"
#define LABELS   "r4x5 i5:4; r1x3 i3:1; r5 i5:; r6x19 i19:6"
#define WEIGHTED "r4x5 i5:4 w5; r1x3 i3:1 w3; r6x19 i19:6 w19"
#define SOFT     "r4x5 q4x5; r1x3 q1x3; r5 q5; r3x19 q3x19"
#define LOSS     "r3x5 r3x5; r1 r1; r2x1x19 r2x1x19; r r"

static dl_ctx *ctx;

/* --- calls that need more than an expression --------------------------------------------------------------------- */
static dl_tensor *part(dl_ctx *c, dl_tensor *x, int64_t size, int dim, int i)          /* -1: the last */
{
    dl_tensor *parts[32];
    int n = dl_split(c, x, size, dim, parts, 32);
    return n ? parts[i < 0 ? n - 1 : i] : NULL;
}
static dl_tensor *cat_many(dl_ctx *c, dl_tensor *x)                                    /* more than one call could name */
{
    dl_tensor *list[11];
    int i;
    for (i = 0; i < 11; i++) list[i] = i % 2 ? x : dl_square(c, x);
    return dl_cat(c, 11, list, 0);
}
static dl_pads pads(int64_t before0, int64_t after0, int64_t before1, int64_t after1)
{
    dl_pads p = {{0}, {0}};
    p.before[0] = before0; p.after[0] = after0; p.before[1] = before1; p.after[1] = after1;
    return p;
}
static dl_tensor *residual(dl_ctx *c, dl_tensor *x, dl_tensor *b)
{
    dl_tensor *h = dl_add(c, x, b), *v = dl_reshape(c, h, DL_SHAPE(-1));
    dl_tensor *y = dl_add(c, dl_sub(c, h, x), dl_mul(c, h, dl_softmax(c, h, -1)));
    return dl_add(c, dl_sum(c, y, .dims = DL_DIM(-1)), dl_mean(c, dl_add(c, v, dl_mul(c, v, v))));
}
static dl_tensor *mlp(dl_ctx *c, dl_tensor **x)
{
    return dl_log_softmax(c, dl_linear(c, dl_linear(c, x[0], x[1], x[2], .activation = DL_TANH), x[3], x[4]), -1);
}

/* --- the table: names and inputs, and a function that makes the call of a row ------------------------------------ */
#define GRADCHECK(name, inputs, ...)  {#name, inputs, #__VA_ARGS__},
#define UNARY_ROW(name, f, dx)        GRADCHECK(name, UNARY, dl_##name(c, x[0]))
#define SCALAR_ROW(name, f, dx)       GRADCHECK(name, UNARY, dl_##name(c, x[0], 2)) GRADCHECK(name, UNARY, dl_##name(c, x[0], -1.5)) \
                                      GRADCHECK(name, UNARY, dl_##name(c, x[0], 0.75))
#define RANGE_ROW(name, f, dx)        GRADCHECK(name, UNARY, dl_##name(c, x[0], -0.75, 0.875))
#define BINARY_ROW(name, f, da, db)   GRADCHECK(name, BINARY, dl_##name(c, x[0], x[1]))
#define TERNARY_ROW(name, f, da, db)  GRADCHECK(name, TERNARY, dl_##name(c, x[0], x[1], x[2]))
static const struct { const char *name, *inputs, *text; } rows[] = { ROWS_BY_TABLE(GRADCHECK) ROWS(GRADCHECK) };
#undef GRADCHECK
#define NROWS ((int)(sizeof rows / sizeof *rows))

static dl_tensor *call_row(dl_ctx *c, dl_tensor **x, int row)
{
#define GRADCHECK(name, inputs, ...)  if (row-- == 0) return __VA_ARGS__;
    ROWS_BY_TABLE(GRADCHECK)
    ROWS(GRADCHECK)
#undef GRADCHECK
    return NULL;
}

/* --- inputs ------------------------------------------------------------------------------------------------------ */
#define MAX_INPUTS 5
typedef struct { dl_tensor *x[MAX_INPUTS]; char kind[MAX_INPUTS]; int n, row, mutate; } inputs;

static double uniform(double low, double high)
{
    static uint32_t draws;
    uint32_t counter[4] = {0, 0, 0, 0}, key[2] = {1, 4}, out[4];
    counter[0] = draws++;
    dl_philox(counter, key, out);
    return low + (high - low) * (out[0] / 4294967296.0);
}

static double between_kinks(double low, int cells, int input)  /* low + a cell of 1/8 + a place in it */
{
    return low + floor(uniform(0, cells)) / 8 + (input % 3 + 1) / 32.0 + uniform(0, 1.0 / 64);
}

static void fill(dl_tensor *t, char kind, double classes, int input)
{
    int64_t last = t->ndim ? t->shape[t->ndim - 1] : 1, i, j;
    for (i = 0; i < t->size; i++)
        switch (kind) {
        case 'i': t->data[i] = floor(uniform(0, classes)); break;
        case 'm': t->data[i] = uniform(0, 1) < 0.5; break;
        case 'n': t->data[i] = between_kinks(0.75, 4, input) * (uniform(0, 1) < 0.5 ? -1 : 1); break;
        case 'd': t->data[i] = between_kinks((double)(i - t->size / 2) / 8, 1, input); break;
        case 'r': case 'f': t->data[i] = between_kinks(-2, 32, input); break;
        default:  t->data[i] = between_kinks(0.125, 16, input);
        }
    if (kind == 'd')                                           /* in random order */
        for (i = t->size - 1; i > 0; i--) {
            dl_real swap = t->data[i];
            j = (int64_t)uniform(0, (double)i + 1);
            t->data[i] = t->data[j];
            t->data[j] = swap;
        }
    if (kind == 'q' || kind == 't')
        for (i = 0; i < t->size; i += last) {
            double sum = 0;
            for (j = 0; j < last; j++) sum += t->data[i + j];
            for (j = 0; j < last; j++) t->data[i + j] /= sum;
        }
}

static const char *make_inputs(inputs *in, int row, const char *text)          /* one set; returns the next */
{
    dl_tensor *y;
    int64_t i;
    int k, tries, finite = 0;
    in->row = row;
    in->mutate = -1;
    for (in->n = 0; *text && *text != ';'; in->n++) {
        dl_shape shape = DL_SHAPE(0);
        char *p = (char *)text + 1;
        double classes = *text == 'i' ? strtod(p, &p) : 0;
        dl_tensor *t;
        int d;
        in->kind[in->n] = *text;
        for (d = 0, p += *p == ':'; *p && *p != ' ' && *p != ';'; p += *p == 'x') shape.d[d++] = strtol(p, &p, 10);
        t = dl_zeros(ctx, shape);
        fill(t, *text, classes, in->n);
        if (*text == 'i') t = dl_to_int(ctx, t);
        else if (!strchr("mwt", *text)) dl_requires_grad(ctx, t, 1);
        in->x[in->n] = t;
        text = p + strspn(p, " ");
    }
    for (tries = 0; tries < 100 && !finite; tries++) {         /* kind f: draw what is outside of the domain again */
        y = call_row(ctx, in->x, row);
        for (finite = 1, i = 0; i < y->size; i++) {
            if (fabs((double)y->data[i]) < 1e6) continue;
            finite = 0;
            for (k = 0; k < in->n; k++) {
                if (in->kind[k] != 'f') continue;
                if (in->x[k]->size != y->size) fill(in->x[k], 'p', 0, k);
                else in->x[k]->data[i] = tries < 50 ? between_kinks(-2, 32, k) : between_kinks(0.125, 16, k);
            }
        }
    }
    return *text == ';' ? text + 1 + strspn(text + 1, " ") : text;
}

/* --- mutations: y = x, but backward is wrong; before an input of a row they make its gradient wrong -------------- */
enum { SIGN, FACTOR, ZERO_ONE, SWAP_TWO, ROTATE, CONSTANT, MUTATIONS };
static int mutated;                                           /* whether the last one changed the gradient noticeably */

static int  same_shape(dl_ctx *c, dl_tensor *y) { return dl_set_shape(c, y, y->src[0]->ndim, y->src[0]->shape); }
static void copy_forward(dl_ctx *c, dl_tensor *y)
{
    (void)c;
    memcpy(y->data, y->src[0]->data, (size_t)y->size * sizeof(dl_real));
}
static void mutant_backward(dl_ctx *c, dl_tensor *y)
{
    int64_t i, n = y->size, pick = n / 3;
    int kind = *(int *)y->opts, add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (!dx) return;
    for (i = 0; i < n; i++) {
        double g = y->grad[i], wrong = g;
        switch (kind) {
        case SIGN:     wrong = -g; break;
        case FACTOR:   wrong = g * 1.001; break;
        case ZERO_ONE: wrong = i == pick ? 0 : g; break;
        case SWAP_TWO: wrong = i == 0 ? y->grad[n - 1] : i == n - 1 ? y->grad[0] : g; break;
        case ROTATE:   wrong = y->grad[(i + 1) % n]; break;
        case CONSTANT: wrong = g + 1e-4; break;
        }
        if (fabs(wrong - g) > 4e-6 + 4e-5 * fmax(fabs(wrong), fabs(g))) mutated = 1;
        dx[i] = (add ? dx[i] : 0) + wrong;
    }
}
static const dl_op mutant = {"mutant", same_shape, copy_forward, mutant_backward};

/* --- one check --------------------------------------------------------------------------------------------------- */
static int checks, mutants;

static dl_tensor *build(dl_ctx *c, dl_tensor **reals, void *user)
{
    inputs *in = (inputs *)user;
    dl_tensor *x[MAX_INPUTS] = {NULL};
    int i;
    (void)reals;
    for (i = 0; i < in->n; i++) {
        x[i] = in->x[i];
        if (in->mutate >= 0 && x[i]->requires_grad) x[i] = dl_apply(c, &mutant, 1, &x[i], &in->mutate, sizeof in->mutate);
    }
    return call_row(c, x, in->row);
}

/* Checks the gradients of the inputs that ask for one to 1e-6; `alone`: the relative tolerance by itself must certify 90 %. */
static int check(inputs *in, int alone)
{
    dl_tensor *reals[MAX_INPUTS];
    double certified = 0;
    int i, n = 0, ok;
    for (i = 0; i < in->n; i++) if (in->x[i]->dtype == DL_REAL) reals[n++] = in->x[i];
    ok = dl_gradcheck(ctx, build, n, reals, .user = in, .certified = &certified, .rtol = 1e-6);
    if (ok && alone && certified < 0.9) {
        dl_fail(ctx, "only %g of the entries are certified", certified);
        ok = 0;
    }
    if (in->mutate < 0) {
        checks++;
        if (!CHECK(ok) && test_errors <= 20)
            printf("\n    %s of %s: %s", rows[in->row].text, rows[in->row].inputs, dl_error(ctx) ? dl_error(ctx) : "");
    }
    dl_clear_error(ctx);
    return ok;
}

/* Which inputs may ask for a gradient, as a bit set; and ask for those of a set. */
static unsigned differentiable(const inputs *in)
{
    unsigned set = 0;
    int i;
    for (i = 0; i < in->n; i++) if (!strchr("imwt", in->kind[i])) set |= 1u << i;
    return set;
}
static void ask(const inputs *in, unsigned set)
{
    int i;
    for (i = 0; i < in->n; i++) if (differentiable(in) >> i & 1) dl_requires_grad(ctx, in->x[i], set >> i & 1);
}

static void check_row(int row)
{
    const char *set = rows[row].inputs;
    inputs in;
    int i, j;
    while (*set) {
        unsigned all;
        dl_step_begin(ctx);
        set = make_inputs(&in, row, set);
        all = differentiable(&in);
        check(&in, all == 1);
        for (i = 0; i < in.n && all != 1; i++) {
            if (!(all >> i & 1)) continue;
            ask(&in, 1u << i);
            check(&in, 1);
            if ((all & (all - 1)) == (1u << i)) continue;      /* of two inputs, without one is the other alone */
            ask(&in, all & ~(1u << i));
            check(&in, 0);
        }
        ask(&in, all);
        for (i = 0; i < in.n; i++)                             /* two inputs, one tensor */
            for (j = i + 1; j < in.n; j++) {
                dl_tensor *other = in.x[j];
                if (in.kind[i] != in.kind[j] || !(all >> i & 1) || in.x[i]->ndim != other->ndim ||
                    memcmp(in.x[i]->shape, other->shape, sizeof other->shape)) continue;
                in.x[j] = in.x[i];
                check(&in, 0);
                in.x[j] = other;
            }
    }
}

/* One test per op: the rows with the same name. */
static int next_row;
static void next_op(void)
{
    const char *name = rows[next_row].name;
    for (; next_row < NROWS && !strcmp(rows[next_row].name, name); next_row++) check_row(next_row);
}

/* --- negative controls ------------------------------------------------------------------------------------------- */
static void mutations(void)
{
    inputs in;
    int row, i;
    for (row = 0; row < NROWS; row++) {
        dl_step_begin(ctx);
        make_inputs(&in, row, rows[row].inputs);
        for (i = 0; i < in.n; i++) {
            if (!(differentiable(&in) >> i & 1)) continue;
            ask(&in, 1u << i);
            for (in.mutate = 0; in.mutate < MUTATIONS; in.mutate++) {
                int caught;
                mutated = 0;
                caught = !check(&in, 0);
                if (!mutated) continue;                        /* swapping equal gradients is no mistake */
                mutants++;
                if (!CHECK(caught))
                    printf("\n    %s of %s: mutation %d of input %d", rows[row].text, rows[row].inputs, in.mutate, i);
            }
        }
    }
    CHECK(mutants > 1000);
}

/* The first k are those of the whole sorted line, in its order, whichever way finds them; ties and NaN included. */
static void the_first_of_a_sorted_line(void)
{
    dl_tensor *x, *all, *few, *at, *at_k;
    int64_t i, k;
    int n;
    for (n = 0; n < 200; n++) {
        dl_step_begin(ctx);
        x = dl_randn(ctx, DL_SHAPE(3, 20 + n % 37, 2));
        for (i = 0; i < x->size; i++) {
            if (n % 2) x->data[i] = (dl_real)(int)(2 * x->data[i]);
            if (n % 5 == 0 && i % 7 == 3) x->data[i] = (dl_real)NAN;
        }
        k = 1 + n % 16;
        all = dl_slice(ctx, dl_sort(ctx, x, 1, .descending = n % 3 > 0, .indices = &at), 1, 0, k);
        few = dl_topk(ctx, x, k, 1, .smallest = n % 3 == 0, .indices = &at_k);
        at = dl_slice(ctx, at, 1, 0, k);
        CHECK(few->size == all->size && !memcmp(few->data, all->data, (size_t)all->size * sizeof *all->data) &&
              !memcmp(at->idata, at_k->idata, (size_t)at->size * sizeof *at->idata));
    }
    CHECK_OK(ctx);
}

static dl_tensor *squared(dl_ctx *c, dl_tensor **x, void *user) { (void)user; return dl_square(c, x[0]); }
static void gradcheck_of_a_result(void)
{
    dl_tensor *x;
    dl_step_begin(ctx);
    x = dl_neg(ctx, dl_requires_grad(ctx, dl_ones(ctx, DL_SHAPE(3)), 1));
    CHECK(!dl_gradcheck(ctx, squared, 1, &x));
    CHECK_ERROR(ctx, "gradcheck: input 0 (3) is the result of neg, expected a leaf");
}

/* User ops as a beginner gets them wrong.  y_ij = x_ij^2 b_j */
static int square_times_shape(dl_ctx *c, dl_tensor *y) { return dl_set_shape(c, y, 2, y->src[0]->shape); }
static void square_times_forward(dl_ctx *c, dl_tensor *y)
{
    const dl_real *x = y->src[0]->data, *b = y->src[1]->data;
    int64_t i;
    (void)c;
    for (i = 0; i < y->size; i++) y->data[i] = x[i] * x[i] * b[i % y->shape[1]];
}
enum { RIGHT, NO_FACTOR, WRONG_SIGN, FORGETS_B, TRANSPOSED, OVERWRITES, LAST_ROW_ONLY, OFF_BY_ONE, SWAPPED, WAYS };
static void square_times_backward(dl_ctx *c, dl_tensor *y)
{
    const dl_real *x = y->src[0]->data, *b = y->src[1]->data, *g = y->grad;
    int way = *(int *)y->opts, add;
    int64_t i, n = y->size, cols = y->shape[1], rows_ = y->shape[0];
    dl_real *dx = dl_grad_of(c, y->src[0], &add), *db;
    for (i = 0; dx && i < n; i++) {
        int64_t from = way == TRANSPOSED ? i % rows_ * cols + i / rows_ : way == OFF_BY_ONE && i + 1 < n ? i + 1 : i;
        dl_real factor = (way == NO_FACTOR ? 1 : 2) * (way == WRONG_SIGN ? -1 : 1);
        dl_real d = factor * g[from] * x[i] * (way == FORGETS_B ? 1 : b[i % cols]);
        if (way == SWAPPED) d = g[i] * x[i] * x[i];
        dx[i] = add && way != OVERWRITES ? dx[i] + d : d;
    }
    db = dl_grad_of(c, y->src[1], &add);
    for (i = 0; db && i < cols && !add; i++) db[i] = 0;
    for (i = way == LAST_ROW_ONLY ? n - cols : 0; db && i < n; i++) db[i % cols] += g[i] * x[i] * x[i];
}
static const dl_op square_times = {"square_times", square_times_shape, square_times_forward, square_times_backward};
static dl_tensor *build_square_times(dl_ctx *c, dl_tensor **x, void *user)
{
    return dl_add(c, dl_apply(c, &square_times, 2, x, user, sizeof(int)), x[0]);
}

static void user_ops(void)
{
    int way;
    for (way = 0; way < WAYS; way++) {
        inputs in;
        int ok;
        dl_step_begin(ctx);
        make_inputs(&in, 0, "r3x5 r5");
        ok = dl_gradcheck(ctx, build_square_times, 2, in.x, .user = &way);
        CHECK(ok == (way == RIGHT));
        if (ok) CHECK_OK(ctx);
        else CHECK_ERROR(ctx, "gradcheck: input");
    }
}

static void every_op(void)
{
    ROW("AD-21");
    CHECK(test_failed == 0 && checks > 1500);
}

int main(void)
{
    ctx = dl_create(.threads = 2);
    while (next_row < NROWS) test_run(next_op, rows[next_row].name);
    RUN(every_op);
    RUN(mutations);
    RUN(user_ops);
    RUN(the_first_of_a_sorted_line);
    RUN(gradcheck_of_a_result);
    printf("%d rows, %d gradient checks, %d wrong gradients\n", NROWS, checks, mutants);
    dl_destroy(ctx);
    TEST_END;
}
