/* Sums over values and gradients of every loss, made by gen_losses.py with PyTorch 2.15.0 in double: do not edit.
   CASE(number, inputs, call); golden: for each case three sums of its value, then of each gradient. */
#define CASES(CASE) \
    CASE(0, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1])) \
    CASE(1, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(2, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1)) \
    CASE(3, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(4, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(5, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(6, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(7, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(8, "r4x5 i5:4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(9, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1])) \
    CASE(10, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2)) \
    CASE(11, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_SUM)) \
    CASE(12, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_SUM)) \
    CASE(13, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_NONE)) \
    CASE(14, "r4x5 i5:4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_NONE)) \
    CASE(15, "r5 i5:", dl_cross_entropy(c, x[0], x[1])) \
    CASE(16, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(17, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1)) \
    CASE(18, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(19, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(20, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(21, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(22, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(23, "r5 i5:", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(24, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1])) \
    CASE(25, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2)) \
    CASE(26, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_SUM)) \
    CASE(27, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_SUM)) \
    CASE(28, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_NONE)) \
    CASE(29, "r5 i5:", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_NONE)) \
    CASE(30, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1])) \
    CASE(31, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(32, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1)) \
    CASE(33, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(34, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(35, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(36, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(37, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(38, "r2x3x4 i3:2x4", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(39, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1])) \
    CASE(40, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2)) \
    CASE(41, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_SUM)) \
    CASE(42, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_SUM)) \
    CASE(43, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_NONE)) \
    CASE(44, "r2x3x4 i3:2x4", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_NONE)) \
    CASE(45, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1])) \
    CASE(46, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(47, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1)) \
    CASE(48, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(49, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(50, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(51, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(52, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(53, "r2x3x2x3 i3:2x2x3", dl_cross_entropy(c, x[0], x[1], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(54, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1])) \
    CASE(55, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2)) \
    CASE(56, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_SUM)) \
    CASE(57, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_SUM)) \
    CASE(58, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .reduction = DL_NONE)) \
    CASE(59, "r2x3x2x3 i3:2x2x3", dl_nll_loss(c, dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1], .ignore_index = 2, .reduction = DL_NONE)) \
    CASE(60, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2])) \
    CASE(61, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3)) \
    CASE(62, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO)) \
    CASE(63, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1)) \
    CASE(64, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(65, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(66, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO, .reduction = DL_SUM)) \
    CASE(67, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1, .reduction = DL_SUM)) \
    CASE(68, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(69, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(70, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO, .reduction = DL_NONE)) \
    CASE(71, "r4x5 i5:4 P5", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1, .reduction = DL_NONE)) \
    CASE(72, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(73, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1)) \
    CASE(74, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(75, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(76, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(77, "r4x5 i5:4 P5", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(78, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2])) \
    CASE(79, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3)) \
    CASE(80, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO)) \
    CASE(81, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1)) \
    CASE(82, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(83, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(84, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO, .reduction = DL_SUM)) \
    CASE(85, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1, .reduction = DL_SUM)) \
    CASE(86, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(87, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(88, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO, .reduction = DL_NONE)) \
    CASE(89, "r2x3x2x2 i3:2x2x2 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .label_smoothing = (dl_real)0.1, .reduction = DL_NONE)) \
    CASE(90, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(91, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1)) \
    CASE(92, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(93, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(94, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(95, "r2x3x2x2 i3:2x2x2 P3", dl_nll_loss(c, x[0], x[1], .weight = x[2], .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(96, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1])) \
    CASE(97, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(98, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(99, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(100, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(101, "r4x5 p4x5", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(102, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1])) \
    CASE(103, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(104, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(105, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(106, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(107, "r2x3x4 p2x3x4", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(108, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1])) \
    CASE(109, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2)) \
    CASE(110, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(111, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(112, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(113, "r2x3x2x2 p2x3x2x2", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(114, "r2x3x4 p2x3x4 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.2)) \
    CASE(115, "r2x3x4 p2x3x4 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(116, "r2x3x4 p2x3x4 P3", dl_cross_entropy(c, x[0], x[1], .weight = x[2], .label_smoothing = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(117, "r1x4x3x5 i4:1x3x5", dl_cross_entropy2d(c, x[0], x[1])) \
    CASE(118, "r2x1100 i1100:2", dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.1)) \
    CASE(119, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1])) \
    CASE(120, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = -1)) \
    CASE(121, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1)) \
    CASE(122, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(123, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = -1, .reduction = DL_SUM)) \
    CASE(124, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(125, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(126, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = -1, .reduction = DL_NONE)) \
    CASE(127, "r4x5 i5:4", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(128, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1])) \
    CASE(129, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = -1)) \
    CASE(130, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1)) \
    CASE(131, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(132, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = -1, .reduction = DL_SUM)) \
    CASE(133, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1, .reduction = DL_SUM)) \
    CASE(134, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(135, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = -1, .reduction = DL_NONE)) \
    CASE(136, "r2x3x2x3 i3:2x2x3", dl_focal_loss(c, x[0], x[1], .gamma = (dl_real)1.5, .ignore_index = 1, .reduction = DL_NONE)) \
    CASE(137, "r4x5 i5:4 P5", dl_focal_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(138, "r4x5 i5:4 P5", dl_focal_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(139, "r4x5 i5:4 P5", dl_focal_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(140, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1])) \
    CASE(141, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = -1, .gamma = -1)) \
    CASE(142, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = (dl_real)0.6, .gamma = 3)) \
    CASE(143, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(144, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = -1, .gamma = -1, .reduction = DL_SUM)) \
    CASE(145, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = (dl_real)0.6, .gamma = 3, .reduction = DL_SUM)) \
    CASE(146, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(147, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = -1, .gamma = -1, .reduction = DL_NONE)) \
    CASE(148, "r3x5 b3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .alpha = (dl_real)0.6, .gamma = 3, .reduction = DL_NONE)) \
    CASE(149, "r3x5 p3x5", dl_sigmoid_focal_loss(c, x[0], x[1])) \
    CASE(150, "r3x5 p3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(151, "r3x5 p3x5", dl_sigmoid_focal_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(152, "r3x5 r3x5", dl_mse_loss(c, x[0], x[1])) \
    CASE(153, "r3x5 r3x5", dl_mse_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(154, "r3x5 r3x5", dl_mse_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(155, "r3x5 r3x5 P3x5", dl_mse_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(156, "r3x5 r3x5 P3x5", dl_mse_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(157, "r3x5 r3x5 P3x5", dl_mse_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(158, "r3x5 r3x5", dl_half_mse_loss(c, x[0], x[1])) \
    CASE(159, "r3x5 r3x5", dl_half_mse_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(160, "r3x5 r3x5", dl_half_mse_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(161, "r3x5 r3x5", dl_sse_loss(c, x[0], x[1])) \
    CASE(162, "r3x5 r3x5", dl_l1_loss(c, x[0], x[1])) \
    CASE(163, "r3x5 r3x5", dl_l1_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(164, "r3x5 r3x5", dl_l1_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(165, "r3x5 r3x5 P3x5", dl_l1_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(166, "r3x5 r3x5 P3x5", dl_l1_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(167, "r3x5 r3x5 P3x5", dl_l1_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(168, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1])) \
    CASE(169, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1], .delta = (dl_real)0.4)) \
    CASE(170, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(171, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1], .delta = (dl_real)0.4, .reduction = DL_SUM)) \
    CASE(172, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(173, "r3x5 r3x5", dl_huber_loss(c, x[0], x[1], .delta = (dl_real)0.4, .reduction = DL_NONE)) \
    CASE(174, "r3x5 r3x5 P3x5", dl_huber_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(175, "r3x5 r3x5 P3x5", dl_huber_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(176, "r3x5 r3x5 P3x5", dl_huber_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(177, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1])) \
    CASE(178, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = (dl_real)0.3)) \
    CASE(179, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = -1)) \
    CASE(180, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(181, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(182, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = -1, .reduction = DL_SUM)) \
    CASE(183, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(184, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(185, "r3x5 r3x5", dl_smooth_l1_loss(c, x[0], x[1], .beta = -1, .reduction = DL_NONE)) \
    CASE(186, "p3x5 p3x5", dl_bce_loss(c, x[0], x[1])) \
    CASE(187, "p3x5 p3x5", dl_bce_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(188, "p3x5 p3x5", dl_bce_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(189, "p3x5 p3x5 P5", dl_bce_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(190, "p3x5 p3x5 P5", dl_bce_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(191, "p3x5 p3x5 P5", dl_bce_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(192, "r3x5 b3x5", dl_bce_loss(c, dl_clamp(c, x[0], 0, 1), x[1])) \
    CASE(193, "r3x5 b3x5", dl_bce_loss(c, dl_clamp(c, x[0], 0, 1), x[1], .reduction = DL_SUM)) \
    CASE(194, "r3x5 b3x5", dl_bce_loss(c, dl_clamp(c, x[0], 0, 1), x[1], .reduction = DL_NONE)) \
    CASE(195, "r3x5 p3x5", dl_bce_with_logits(c, x[0], x[1])) \
    CASE(196, "r3x5 p3x5", dl_bce_with_logits(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(197, "r3x5 p3x5", dl_bce_with_logits(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(198, "r3x5 p3x5 P3x1", dl_bce_with_logits(c, x[0], x[1], .weight = x[2])) \
    CASE(199, "r3x5 p3x5 P3x1", dl_bce_with_logits(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(200, "r3x5 p3x5 P3x1", dl_bce_with_logits(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(201, "r3x5 p3x5 P5", dl_bce_with_logits(c, x[0], x[1], .pos_weight = x[2])) \
    CASE(202, "r3x5 p3x5 P5", dl_bce_with_logits(c, x[0], x[1], .pos_weight = x[2], .reduction = DL_SUM)) \
    CASE(203, "r3x5 p3x5 P5", dl_bce_with_logits(c, x[0], x[1], .pos_weight = x[2], .reduction = DL_NONE)) \
    CASE(204, "r3x5 b3x5 P5 P5", dl_bce_with_logits(c, x[0], x[1], .weight = x[2], .pos_weight = x[3])) \
    CASE(205, "r3x5 b3x5 P5 P5", dl_bce_with_logits(c, x[0], x[1], .weight = x[2], .pos_weight = x[3], .reduction = DL_SUM)) \
    CASE(206, "r3x5 b3x5 P5 P5", dl_bce_with_logits(c, x[0], x[1], .weight = x[2], .pos_weight = x[3], .reduction = DL_NONE)) \
    CASE(207, "r3x5 p3x5", dl_kl_div(c, x[0], x[1])) \
    CASE(208, "r3x5 p3x5", dl_kl_div(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(209, "r3x5 p3x5", dl_kl_div(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(210, "r3x5 r3x5", dl_kl_div(c, x[0], x[1], .log_target = 1)) \
    CASE(211, "r3x5 r3x5", dl_kl_div(c, x[0], x[1], .log_target = 1, .reduction = DL_SUM)) \
    CASE(212, "r3x5 r3x5", dl_kl_div(c, x[0], x[1], .log_target = 1, .reduction = DL_NONE)) \
    CASE(213, "r3x5 p3x5", dl_kl_div(c, x[0], x[1], .batchmean = 1)) \
    CASE(214, "r3x5 r3x5", dl_kl_div(c, x[0], x[1], .batchmean = 1, .log_target = 1)) \
    CASE(215, "r3x5 b3x5", dl_kl_div(c, x[0], x[1])) \
    CASE(216, "r3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1])) \
    CASE(217, "r3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(218, "r3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(219, "r3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .full = 1)) \
    CASE(220, "r3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .full = 1, .reduction = DL_SUM)) \
    CASE(221, "r3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .full = 1, .reduction = DL_NONE)) \
    CASE(222, "p3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1)) \
    CASE(223, "p3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1, .reduction = DL_SUM)) \
    CASE(224, "p3x5 r3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1, .reduction = DL_NONE)) \
    CASE(225, "p3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1, .eps = (dl_real)0.25, .full = 1)) \
    CASE(226, "p3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1, .eps = (dl_real)0.25, .full = 1, .reduction = DL_SUM)) \
    CASE(227, "p3x5 R3x5", dl_poisson_nll_loss(c, x[0], x[1], .no_log_input = 1, .eps = (dl_real)0.25, .full = 1, .reduction = DL_NONE)) \
    CASE(228, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2])) \
    CASE(229, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3)) \
    CASE(230, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(231, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(232, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(233, "r3x5 r3x5 p3x5", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(234, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2])) \
    CASE(235, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3)) \
    CASE(236, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(237, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(238, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(239, "r3x5 r3x5 p3", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(240, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2])) \
    CASE(241, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3)) \
    CASE(242, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(243, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(244, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(245, "r3x5 r3x5 p3x1", dl_gaussian_nll_loss(c, x[0], x[1], x[2], .full = 1, .eps = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(246, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1])) \
    CASE(247, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1], .margin = (dl_real)0.4)) \
    CASE(248, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(249, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1], .margin = (dl_real)0.4, .reduction = DL_SUM)) \
    CASE(250, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(251, "r3x5 s3x5", dl_hinge_embedding_loss(c, x[0], x[1], .margin = (dl_real)0.4, .reduction = DL_NONE)) \
    CASE(252, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2])) \
    CASE(253, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.6)) \
    CASE(254, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(255, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.6, .reduction = DL_SUM)) \
    CASE(256, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(257, "r12 r12 s12", dl_margin_ranking_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.6, .reduction = DL_NONE)) \
    CASE(258, "r3x5 s3x5", dl_soft_margin_loss(c, x[0], x[1])) \
    CASE(259, "r3x5 s3x5", dl_soft_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(260, "r3x5 s3x5", dl_soft_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(261, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2])) \
    CASE(262, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.2)) \
    CASE(263, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(264, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.2, .reduction = DL_SUM)) \
    CASE(265, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(266, "r6x4 r6x4 s6", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.2, .reduction = DL_NONE)) \
    CASE(267, "r4 r4 s", dl_cosine_embedding_loss(c, x[0], x[1], x[2])) \
    CASE(268, "r4 r4 s", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(269, "r4 r4 s", dl_cosine_embedding_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(270, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2])) \
    CASE(271, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.3, .p = 3)) \
    CASE(272, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .swap = 1)) \
    CASE(273, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = 2, .p = 1, .eps = (dl_real)0.125)) \
    CASE(274, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .reduction = DL_SUM)) \
    CASE(275, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.3, .p = 3, .reduction = DL_SUM)) \
    CASE(276, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .swap = 1, .reduction = DL_SUM)) \
    CASE(277, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = 2, .p = 1, .eps = (dl_real)0.125, .reduction = DL_SUM)) \
    CASE(278, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .reduction = DL_NONE)) \
    CASE(279, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = (dl_real)0.3, .p = 3, .reduction = DL_NONE)) \
    CASE(280, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .swap = 1, .reduction = DL_NONE)) \
    CASE(281, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .margin = 2, .p = 1, .eps = (dl_real)0.125, .reduction = DL_NONE)) \
    CASE(282, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks)) \
    CASE(283, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks, .swap = 1, .margin = 4)) \
    CASE(284, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks, .reduction = DL_SUM)) \
    CASE(285, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks, .swap = 1, .margin = 4, .reduction = DL_SUM)) \
    CASE(286, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks, .reduction = DL_NONE)) \
    CASE(287, "r6x4 r6x4 r6x4", dl_triplet_margin_loss(c, x[0], x[1], x[2], .distance = city_blocks, .swap = 1, .margin = 4, .reduction = DL_NONE)) \
    CASE(288, "r3x5 r3x5", dl_pairwise_distance(c, x[0], x[1])) \
    CASE(289, "r3x5 r3x5", dl_pairwise_distance(c, x[0], x[1], .p = 1, .keepdim = 1)) \
    CASE(290, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1])) \
    CASE(291, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .p = 2)) \
    CASE(292, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3)) \
    CASE(293, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(294, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .reduction = DL_SUM)) \
    CASE(295, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(296, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(297, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .reduction = DL_NONE)) \
    CASE(298, "r4x5 i5:4", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(299, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1])) \
    CASE(300, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .p = 2)) \
    CASE(301, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3)) \
    CASE(302, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(303, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .reduction = DL_SUM)) \
    CASE(304, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3, .reduction = DL_SUM)) \
    CASE(305, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(306, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .reduction = DL_NONE)) \
    CASE(307, "r5 i5:", dl_multi_margin_loss(c, x[0], x[1], .margin = (dl_real)0.3, .reduction = DL_NONE)) \
    CASE(308, "r4x5 i5:4 P5", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .weight = x[2])) \
    CASE(309, "r4x5 i5:4 P5", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .weight = x[2], .reduction = DL_SUM)) \
    CASE(310, "r4x5 i5:4 P5", dl_multi_margin_loss(c, x[0], x[1], .p = 2, .weight = x[2], .reduction = DL_NONE)) \
    CASE(311, "r3x4 i3x4=3,0,-1,1,2,-1,0,0,-1,1,1,1", dl_multilabel_margin_loss(c, x[0], x[1])) \
    CASE(312, "r3x4 i3x4=3,0,-1,1,2,-1,0,0,-1,1,1,1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(313, "r3x4 i3x4=3,0,-1,1,2,-1,0,0,-1,1,1,1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(314, "r2x3 i2x3=2,1,0,1,2,-1", dl_multilabel_margin_loss(c, x[0], x[1])) \
    CASE(315, "r2x3 i2x3=2,1,0,1,2,-1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(316, "r2x3 i2x3=2,1,0,1,2,-1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(317, "r4 i4=3,0,-1,1", dl_multilabel_margin_loss(c, x[0], x[1])) \
    CASE(318, "r4 i4=3,0,-1,1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(319, "r4 i4=3,0,-1,1", dl_multilabel_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(320, "r3x5 b3x5", dl_multilabel_soft_margin_loss(c, x[0], x[1])) \
    CASE(321, "r3x5 b3x5", dl_multilabel_soft_margin_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(322, "r3x5 b3x5", dl_multilabel_soft_margin_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(323, "r3x5 b3x5 P5", dl_multilabel_soft_margin_loss(c, x[0], x[1], .weight = x[2])) \
    CASE(324, "r3x5 b3x5 P5", dl_multilabel_soft_margin_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_SUM)) \
    CASE(325, "r3x5 b3x5 P5", dl_multilabel_soft_margin_loss(c, x[0], x[1], .weight = x[2], .reduction = DL_NONE)) \
    CASE(326, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1])) \
    CASE(327, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .batch = 1)) \
    CASE(328, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .alpha = -1, .beta = 2, .smooth = -1)) \
    CASE(329, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(330, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .batch = 1, .reduction = DL_SUM)) \
    CASE(331, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .alpha = -1, .beta = 2, .smooth = -1, .reduction = DL_SUM)) \
    CASE(332, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(333, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .batch = 1, .reduction = DL_NONE)) \
    CASE(334, "p2x3x4 b2x3x4", dl_tversky_loss(c, x[0], x[1], .alpha = -1, .beta = 2, .smooth = -1, .reduction = DL_NONE)) \
    CASE(335, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1])) \
    CASE(336, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1], .batch = 1, .smooth = -1)) \
    CASE(337, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1], .reduction = DL_SUM)) \
    CASE(338, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1], .batch = 1, .smooth = -1, .reduction = DL_SUM)) \
    CASE(339, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1], .reduction = DL_NONE)) \
    CASE(340, "p2x3x2x3 b2x3x2x3", dl_dice_loss(c, x[0], x[1], .batch = 1, .smooth = -1, .reduction = DL_NONE)) \
    CASE(341, "r7x3x4 i3x3=1,2,3,2,2,1,3,1,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3])) \
    CASE(342, "r7x3x4 i3x3=1,2,3,2,2,1,3,1,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_SUM)) \
    CASE(343, "r7x3x4 i3x3=1,2,3,2,2,1,3,1,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_NONE)) \
    CASE(344, "r7x3x4 i6=1,2,3,2,2,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3])) \
    CASE(345, "r7x3x4 i6=1,2,3,2,2,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_SUM)) \
    CASE(346, "r7x3x4 i6=1,2,3,2,2,1 i3=7,6,5 i3=3,2,1", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_NONE)) \
    CASE(347, "r8x2x3 i2x3=0,0,1,1,0,1 i2=8,8 i2=3,2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .blank = 2)) \
    CASE(348, "r8x2x3 i2x3=0,0,1,1,0,1 i2=8,8 i2=3,2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .blank = 2, .reduction = DL_SUM)) \
    CASE(349, "r8x2x3 i2x3=0,0,1,1,0,1 i2=8,8 i2=3,2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .blank = 2, .reduction = DL_NONE)) \
    CASE(350, "r4x3x4 i3x3=1,1,1,2,3,1,1,1,1 i3=4,4,4 i3=3,3,0", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .zero_infinity = 1)) \
    CASE(351, "r4x3x4 i3x3=1,1,1,2,3,1,1,1,1 i3=4,4,4 i3=3,3,0", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .zero_infinity = 1, .reduction = DL_SUM)) \
    CASE(352, "r4x3x4 i3x3=1,1,1,2,3,1,1,1,1 i3=4,4,4 i3=3,3,0", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .zero_infinity = 1, .reduction = DL_NONE)) \
    CASE(353, "r6x4 i2=1,3 i1=6 i1=2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3])) \
    CASE(354, "r6x4 i2=1,3 i1=6 i1=2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_SUM)) \
    CASE(355, "r6x4 i2=1,3 i1=6 i1=2", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_NONE)) \
    CASE(356, "r40x2x5 i2x9=1,2,3,4,1,1,2,2,3,4,4,4,3,2,1,1,1,2 i2=40,33 i2=9,8", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3])) \
    CASE(357, "r40x2x5 i2x9=1,2,3,4,1,1,2,2,3,4,4,4,3,2,1,1,1,2 i2=40,33 i2=9,8", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_SUM)) \
    CASE(358, "r40x2x5 i2x9=1,2,3,4,1,1,2,2,3,4,4,4,3,2,1,1,1,2 i2=40,33 i2=9,8", dl_ctc_loss(c, dl_log_softmax(c, x[0], -1), x[1], x[2], x[3], .reduction = DL_NONE))
static const double golden[] = {
    -1.3380851269, 0.39163467128, 2.0887182468, -0.3068102215, 0.090281002532, 1.00382354,
    -1.3524991894, 0.39585342128, 2.1112182468, -0.31401725275, 0.070261471282, 0.8128774983,
    -1.3380851269, 0.39163467128, 2.0887182468, -0.3068102215, 0.090281002532, 1.00382354,
    -5.3523405075, 1.5665386851, 8.3548729872, -1.227240886, 0.36112401013, 4.01529416,
    -5.4099967575, 1.5834136851, 8.4448729872, -1.256069011, 0.28104588513, 3.2515099932,
    -5.3523405075, 1.5665386851, 8.3548729872, -1.227240886, 0.36112401013, 4.01529416,
    1.5307381154, 5.5437399743, 8.3548729872, 0.5680583434, 0.39818644326, 3.7735606514,
    1.3973787404, 5.4180368493, 8.4448729872, 0.5013786559, 0.32806925576, 3.0747966294,
    1.5307381154, 5.5437399743, 8.3548729872, 0.5680583434, 0.39818644326, 3.7735606514,
    -1.3380851269, 0.39163467128, 2.0887182468, -0.3068102215, 0.090281002532, 1.00382354,
    -0.95924618677, 0.28075498149, 1.4973599013, -0.11235877711, 0.14141215114, 0.92032074649,
    -5.3523405075, 1.5665386851, 8.3548729872, -1.227240886, 0.36112401013, 4.01529416,
    -2.8777385603, 0.84226494448, 4.4920797039, -0.33707633134, 0.42423645342, 2.7609622395,
    1.5307381154, 5.5437399743, 8.3548729872, 0.5680583434, 0.39818644326, 3.7735606514,
    -1.6681375724, 2.0430835612, 4.4920797039, -0.58264217846, 0.31660206535, 2.1521071931,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4603964316, 0.42743310193, 2.2796432103, -0.35286995085, 0.077315233415, 0.96464221848,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4603964316, 0.42743310193, 2.2796432103, -0.35286995085, 0.077315233415, 0.96464221848,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4603964316, 0.42743310193, 2.2796432103, -0.35286995085, 0.077315233415, 0.96464221848,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.4828183066, 0.43399560193, 2.3146432103, -0.36408088835, 0.10454179591, 1.154660669,
    -1.2623963658, 0.36948186315, 1.9705699368, -0.41107914773, -0.060253067087, 1.0839215308,
    -1.2170187616, 0.35620061315, 1.8997366035, -0.38839034564, -0.048241348337, 0.92611937085,
    -1.3492627825, 0.39490618024, 2.1061662946, -0.45859135488, -0.14044980722, 1.1075523129,
    -10.099170926, 2.9558549052, 15.764559494, -3.2886331818, -0.4820245367, 8.6713722467,
    -9.7361500927, 2.8496049052, 15.197892828, -3.1071227652, -0.3859307867, 7.4089549668,
    -8.0955766949, 2.3694370814, 12.636997768, -2.7515481293, -0.84269884334, 6.6453138776,
    -2.3955592817, 9.5321075393, 15.764559494, -0.92814077396, -0.50327550315, 6.861948893,
    -2.152330115, 9.1977325393, 15.197892828, -0.80652619063, -0.45249425315, 5.884612432,
    -2.8353726495, 7.2841725482, 12.636997768, -1.0460374928, -0.43347462489, 6.3677883151,
    -1.2623963658, 0.36948186315, 1.9705699368, -0.41107914773, -0.060253067087, 1.0839215308,
    -1.4021877406, 0.41039641188, 2.1887808633, -0.46873783876, 0.14029809082, 1.1087163171,
    -10.099170926, 2.9558549052, 15.764559494, -3.2886331818, -0.4820245367, 8.6713722467,
    -5.6087509623, 1.6415856475, 8.7551234533, -1.8749513551, 0.56119236328, 4.4348652686,
    -2.3955592817, 9.5321075393, 15.764559494, -0.92814077396, -0.50327550315, 6.861948893,
    -2.2860368435, 5.5892997663, 8.7551234533, -0.8936607294, -0.065068134182, 2.3154535994,
    -1.2822155969, 0.37528261374, 2.0015072733, -0.39949500822, 0.069418147662, 1.0237933272,
    -1.2199326108, 0.35705344707, 1.904285051, -0.36835351516, 0.057851307385, 0.85376050194,
    -1.2395377862, 0.36279154717, 1.9348882516, -0.38940275745, 0.034886065783, 1.0511261536,
    -15.386587163, 4.5033913648, 24.018087279, -4.7939400986, 0.83301777195, 12.285519926,
    -14.63919133, 4.2846413648, 22.851420613, -4.420242182, 0.69421568861, 10.245126023,
    -9.9163022892, 2.9023323773, 15.479106012, -3.1152220596, 0.27908852627, 8.4090092286,
    0.50258370635, 11.371047848, 24.018087279, -0.29110501211, -0.86035090621, 9.8367809456,
    0.50883370635, 10.940318681, 22.851420613, -0.28798001211, -0.71347590621, 8.2801889663,
    -4.5501019287, 7.5447898988, 15.479106012, -2.0208452596, -0.39363694798, 6.4038770861,
    -1.2822155969, 0.37528261374, 2.0015072733, -0.39949500822, 0.069418147662, 1.0237933272,
    -1.3636130961, 0.39910627202, 2.1285667841, -0.43457043048, 0.1053121917, 1.0217102698,
    -15.386587163, 4.5033913648, 24.018087279, -4.7939400986, 0.83301777195, 12.285519926,
    -8.1816785765, 2.3946376321, 12.771400705, -2.6074225829, 0.63187315023, 6.1302616186,
    0.50258370635, 11.371047848, 24.018087279, -0.29110501211, -0.86035090621, 9.8367809456,
    3.0026074698, 6.3392569901, 12.771400705, 1.027549007, -0.53054276801, 5.136959434,
    -1.4365064042, 0.42044089878, 2.2423514602, -0.35901699754, 0.073643558947, 1.0137145802,
    -1.4309792144, 0.4188231847, 2.2337236517, -0.35469092966, 0.044699748034, 0.74730547601,
    -1.4365064042, 0.42044089878, 2.2423514602, -0.35901699754, 0.073643558947, 1.0137145802,
    -1.4346640076, 0.41990166075, 2.239475524, -0.35757497491, 0.063995621976, 0.9122716149,
    -2.8512475598, 0.83451148091, 4.4507278982, -0.7125943436, 0.14617130639, 2.0120698486,
    -2.8402769255, 0.83130056357, 4.4336030057, -0.70400775433, 0.088722227158, 1.4832881418,
    -2.8512475598, 0.83451148091, 4.4507278982, -0.7125943436, 0.14617130639, 2.0120698486,
    -2.8475906817, 0.83344117513, 4.4450196007, -0.70973214718, 0.12702161332, 1.8107209326,
    1.6817226546, 3.3549102227, 4.4507278982, 0.58024347089, 0.19306302398, 1.9644305696,
    1.3351773986, 3.158710246, 4.4336030057, 0.45560443598, 0.13786286299, 1.4548754302,
    1.6817226546, 3.3549102227, 4.4507278982, 0.58024347089, 0.19306302398, 1.9644305696,
    1.5662075693, 3.2895102305, 4.4450196007, 0.53869712592, 0.17466297032, 1.7751093457,
    -0.12317360448, 0.036050811069, 0.19227099237, -0.061586802242, 0.43653275584, 0.640625,
    -0.12317360448, 0.036050811069, 0.19227099237, -0.061586802242, 0.43653275584, 0.640625,
    -0.24448094223, 0.071555397727, 0.38162878788, -0.12224047112, 0.86645137902, 1.2715435606,
    -0.24448094223, 0.071555397727, 0.38162878788, -0.12224047112, 0.86645137902, 1.2715435606,
    0.93952710701, 0.79415246212, 2.3664772727, 0.4697635535, -0.13928592566, 1.1844223485,
    0.93952710701, 0.79415246212, 2.3664772727, 0.4697635535, -0.13928592566, 1.1844223485,
    -1.1110374655, 0.32518169721, 1.7343023851, -0.33733593119, -0.07906184405, 1.0491119522,
    -1.091185823, 0.31937146039, 1.7033144554, -0.330312136, -0.060466791486, 0.88624577285,
    -1.0753673026, 0.31474164953, 1.6786221308, -0.32023191484, -0.088311339963, 1.0411019083,
    -1.1969199926, 0.35031804661, 1.8683629152, -0.38521245351, -0.21496701412, 0.98648712362,
    -5.3195127134, 1.5569305503, 8.3036296015, -1.6151235493, -0.37853852606, 5.0230208622,
    -5.2244654556, 1.5291118407, 8.1552631502, -1.5814944693, -0.28950766833, 4.2432373367,
    -4.8961799155, 1.4330282679, 7.642817429, -1.4580256123, -0.40208420695, 4.7401685368,
    -3.5998275534, 1.0536080644, 5.6192430103, -1.1585556367, -0.64652958034, 2.9669347582,
    -0.0044993230889, 5.1264426265, 8.3036296015, -0.037736364092, -0.36533499941, 3.8052896143,
    -0.1609992629, 4.9790380242, 8.1552631502, -0.059481288674, -0.30801832333, 3.2998632334,
    0.31558157294, 4.7340853991, 7.642817429, 0.081045002938, -0.3658907383, 3.591425661,
    -0.42720315668, 3.1834510256, 5.6192430103, -0.14274623262, -0.28831526245, 3.1028936184,
    -0.12733942346, 0.037270075158, 0.19877373418, -0.063669711729, 0.22965443285, 0.640625,
    -0.21456701629, 0.06280010233, 0.33493387909, -0.10728350815, 0.14043928094, 0.640625,
    -0.60968572443, 0.17844460227, 0.95170454545, -0.30484286222, 1.0995575876, 3.0672348485,
    -0.64532655658, 0.18887606534, 1.0073390152, -0.32266327829, 0.42238177675, 1.9267282197,
    -0.60227272727, 0.4423680161, 1.7803030303, -0.30113636364, -0.14033647017, 2.2981770833,
    -0.50752027107, 0.43019797585, 1.2239583333, -0.25376013554, -0.017766779119, 2.0200047348,
    -3.2094805273, 0.93936015433, 5.0099208231, -0.71882628409, -0.052045825079, 1.2059990879, 2.4748282532, -3.7556014311, 7.0507771968,
    -2.8496155097, 0.83403380772, 4.4481803078, -0.64363010282, -0.043599990807, 1.0462684653, 1.9798626026, -3.0044811449, 5.6406217575,
    -12.837922109, 3.7574406173, 20.039683292, -2.8753051364, -0.20818330032, 4.8239963518, 9.8993130128, -15.022405724, 28.203108787,
    -11.398462039, 3.3361352309, 17.792721231, -2.5745204113, -0.17439996323, 4.1850738613, 7.9194504103, -12.01792458, 22.56248703,
    4.4021374277, 12.210868104, 20.039683292, 1.17997959, 0.061789730772, 4.6074466474, -4.5909985381, 2.6575424553, 25.451585979,
    3.6944981903, 10.751739353, 17.792721231, 0.99091565319, 0.05895188577, 3.9896831218, -3.6727988304, 2.1260339643, 20.361268783,
    -1.4409128436, 0.42173058837, 2.2492298046, -0.40968694573, -0.01121838218, 0.7750604437, 1.1490615769, -1.5375622112, 3.1065250348,
    -1.3598319438, 0.39799959332, 2.1226644977, -0.38727658405, -0.0090136004111, 0.71877724473, 0.91924926153, -1.2300497689, 2.4852200278,
    -11.527302749, 3.3738447069, 17.993838437, -3.2774955659, -0.089747057437, 6.2004835496, 9.1924926153, -12.300497689, 24.852200278,
    -10.878655551, 3.1839967466, 16.981315982, -3.0982126724, -0.072108803289, 5.7502179579, 7.3539940922, -9.8403981515, 19.881760222,
    -4.4012157383, 10.836233361, 17.993838437, -1.3192101448, -0.66573225817, 5.0613808463, 2.4128916904, -1.2597723574, 19.780244528,
    -3.7568552803, 10.241033197, 16.981315982, -1.1193816873, -0.58245965717, 4.6782962252, 1.9303133524, -1.0078178859, 15.824195622,
    -1.4409128436, 0.42173058837, 2.2492298046, -0.40968694573, -0.01121838218, 0.7750604437, 1.1490615769, -1.5375622112, 3.1065250348,
    -1.3598319438, 0.39799959332, 2.1226644977, -0.38727658405, -0.0090136004111, 0.71877724473, 0.91924926153, -1.2300497689, 2.4852200278,
    -11.527302749, 3.3738447069, 17.993838437, -3.2774955659, -0.089747057437, 6.2004835496, 9.1924926153, -12.300497689, 24.852200278,
    -10.878655551, 3.1839967466, 16.981315982, -3.0982126724, -0.072108803289, 5.7502179579, 7.3539940922, -9.8403981515, 19.881760222,
    -4.4012157383, 10.836233361, 17.993838437, -1.3192101448, -0.66573225817, 5.0613808463, 2.4128916904, -1.2597723574, 19.780244528,
    -3.7568552803, 10.241033197, 16.981315982, -1.1193816873, -0.58245965717, 4.6782962252, 1.9303133524, -1.0078178859, 15.824195622,
    -0.91039151316, 0.26645605263, 1.4210989474, -0.27841046171, -0.012431361145, 0.57121945593, 0.54272223605, -0.74354649634, 1.5008065562,
    -7.2831321053, 2.1316484211, 11.368791579, -2.2272836937, -0.099450889159, 4.5697556475, 4.3417778884, -5.9483719707, 12.006452449,
    -3.0961368912, 6.7154610068, 11.368791579, -0.92057008489, -0.38389058196, 4.0881850774, 0.94029076357, -0.50738645044, 10.605573023,
    -1.2059954519, 0.35297427859, 1.8825294858, -0.28755878964, -0.026863295607, 0.94737504325,
    -5.4799219114, 1.6038795838, 8.5540244471, -0.65026622239, -0.050432746619, 1.1542171103,
    -1.0699013452, 0.31314185713, 1.6700899047, -0.37930032377, 0.1109913843, 1.0701773184,
    -1.3380851269, 0.39163467128, 2.0887182468, -0.3068102215, 0.090281002532, 1.00382354,
    -1.1219597909, 0.3283784754, 1.7513518688, -0.36321100545, 0.10894455129, 1.06808919,
    -4.2796053808, 1.2525674285, 6.6803596188, -1.5172012951, 0.44396553719, 4.2807092736,
    -5.3523405075, 1.5665386851, 8.3548729872, -1.227240886, 0.36112401013, 4.01529416,
    -4.4878391637, 1.3135139016, 7.0054074751, -1.4528440218, 0.43577820518, 4.2723567601,
    1.6160597373, 4.6825355831, 6.6803596188, 0.67761073328, 0.44267425055, 4.0684673284,
    1.5307381154, 5.5437399743, 8.3548729872, 0.5680583434, 0.39818644326, 3.7735606514,
    1.5771411828, 4.8649582095, 7.0054074751, 0.6422725512, 0.43943084868, 4.0352613545,
    -1.0123516993, 0.29629805833, 1.5802563111, -0.49788938744, 0.079609094315, 1.1655047276,
    -1.2822155969, 0.37528261374, 2.0015072733, -0.39949500822, 0.069418147662, 1.0237933272,
    -0.99796138127, 0.29208625793, 1.5577933756, -0.45946935549, 0.030170098115, 1.1832936785,
    -12.148220391, 3.5555766999, 18.963075733, -5.9746726492, 0.95530913179, 13.986056732,
    -15.386587163, 4.5033913648, 24.018087279, -4.7939400986, 0.83301777195, 12.285519926,
    -7.9836910501, 2.3366900635, 12.462347005, -3.6757548439, 0.24136078492, 9.4663494284,
    0.23464218358, 8.8507861242, 18.963075733, -0.39612808381, -0.94387285325, 11.255082718,
    0.50258370635, 11.371047848, 24.018087279, -0.29110501211, -0.86035090621, 9.8367809456,
    -4.3380094139, 6.0481819467, 12.462347005, -2.3894136195, -0.39729698406, 7.0763452706,
    -1.1857532962, 0.34704974522, 1.8509319745, -0.43376515761, 0.091291664963, 1.0689650737,
    -2.3535406333, 0.68884116096, 3.6738195251, -0.86095811587, 0.18120012288, 2.1217337068,
    1.6430005154, 2.9149592123, 3.6738195251, 0.67728473032, 0.2124040294, 2.0972122364,
    -0.20964015379, 0.061358093791, 0.32724316688, -0.11883027131, -0.040415561963, 0.19856528428,
    -0.75185951398, 0.22005644312, 1.1736343633, -0.19446064391, 0.035285728462, 0.41285606277,
    -0.15728732761, 0.046035315397, 0.24552168212, -0.10951053472, 0.030610889587, 0.18525758238,
    -3.1446023068, 0.92037140686, 4.9086475033, -1.7824540697, -0.60623342944, 2.9784792641,
    -11.27789271, 3.3008466467, 17.604515449, -2.9169096587, 0.52928592693, 6.1928409416,
    -2.3593099141, 0.69052973096, 3.6828252318, -1.6426580208, 0.4591633438, 2.7788637357,
    1.9294749608, 2.4871146448, 4.9086475033, 1.2228315919, 1.3908992743, 2.83258571,
    0.78933284263, 9.4660383507, 17.604515449, 0.48023885827, 2.4343092842, 5.1582644662,
    -0.1329989729, 1.9968672785, 3.6828252318, -0.07266844273, 1.3818075295, 2.5979338611,
    -0.059918015898, 0.017536980263, 0.093530561401, -0.0092902130089, -0.020310878075, 0.045384908331, 0.10932795323, 0.049195822856, 0.18593180367,
    -0.89877023846, 0.26305470394, 1.402958421, -0.13935319513, -0.30466317112, 0.68077362497, 1.6399192984, 0.73793734284, 2.7889770551,
    0.054474942732, 0.84939901595, 1.402958421, 0.066419513601, 0.17563770668, 0.37973093782, -0.37870466219, -1.4785322777, 2.5625403468,
    -1.1120745341, 0.32548522949, 1.735921224, -0.54063161214, -0.15052185059, 1.4374023437, 0.54063161214, 0.15052185059, 1.4374023437,
    -16.681118011, 4.8822784424, 26.038818359, -8.1094741821, -2.2578277588, 21.561035156, 8.1094741821, 2.2578277588, 21.561035156,
    1.1799430847, 16.844841003, 26.038818359, 0.68201446533, 6.7554473877, 16.023925781, -0.68201446533, -6.7554473877, 16.023925781,
    -1.123603779, 0.32885964264, 1.7539180941, -0.43347438201, -0.27685689354, 1.4626998464, 0.43347438201, 0.27685689354, 1.4626998464,
    -8.1588956226, 2.3879694505, 12.735837069, -3.1476151148, -2.0103585792, 10.621195475, 3.1476151148, 2.0103585792, 10.621195475,
    0.49677104661, 7.3705656167, 12.735837069, 0.09641158942, 2.1066117142, 7.0432850231, -0.09641158942, -2.1066117142, 7.0432850231,
    -0.55603726705, 0.16274261475, 0.86796061198, -0.27031580607, -0.075260925293, 0.71870117187, 0.27031580607, 0.075260925293, 0.71870117187,
    -8.3405590057, 2.4411392212, 13.01940918, -4.0547370911, -1.1289138794, 10.780517578, 4.0547370911, 1.1289138794, 10.780517578,
    0.58997154236, 8.4224205017, 13.01940918, 0.34100723267, 3.3777236938, 8.0119628906, -0.34100723267, -3.3777236938, 8.0119628906,
    -8.3405590057, 2.4411392212, 13.01940918, -4.0547370911, -1.1289138794, 10.780517578, 4.0547370911, 1.1289138794, 10.780517578,
    -0.71870117187, 0.2103515625, 1.121875, -0.19152018229, -0.030696614583, 0.640625, 0.19152018229, 0.030696614583, 0.640625,
    -10.780517578, 3.1552734375, 16.828125, -2.8728027344, -0.46044921875, 9.609375, 2.8728027344, 0.46044921875, 9.609375,
    0.27954101562, 10.156738281, 16.828125, 0.98706054688, 2.3374023438, 7.484375, -0.98706054688, -2.3374023438, 7.484375,
    -0.73134992318, 0.21405363605, 1.1416193923, -0.17258882796, -0.058533892883, 0.640625, 0.17258882796, 0.058533892883, 0.640625,
    -5.3105977376, 1.5543212891, 8.2897135417, -1.2532302394, -0.42503588127, 4.6518110795, 1.2532302394, 0.42503588127, 4.6518110795,
    0.23145548503, 4.5242124615, 8.2897135417, 0.24511811228, 0.7260760683, 3.2143110795, -0.24511811228, -0.7260760683, 3.2143110795,
    -0.44722277323, 0.13089447021, 0.69810384115, -0.17305425008, -0.020457458496, 0.49581705729, 0.17305425008, 0.020457458496, 0.49581705729,
    -0.23983961487, 0.070196960449, 0.37438378906, -0.076776987712, -0.0047337849935, 0.23102539063, 0.076776987712, 0.0047337849935, 0.23102539063,
    -6.7083415985, 1.9634170532, 10.471557617, -2.5958137512, -0.30686187744, 7.4372558594, 2.5958137512, 0.30686187744, 7.4372558594,
    -3.597594223, 1.0529544067, 5.6157568359, -1.1516548157, -0.071006774902, 3.4653808594, 1.1516548157, 0.071006774902, 3.4653808594,
    0.28769493103, 6.5612297058, 10.471557617, 0.37985610962, 2.0194168091, 5.6628417969, -0.37985610962, -2.0194168091, 5.6628417969,
    0.12672264099, 3.4516133118, 5.6157568359, 0.17043533325, 0.88966522217, 2.6253417969, -0.17043533325, -0.88966522217, 2.6253417969,
    -0.21861173697, 0.063983923016, 0.34124758942, -0.05970720137, -0.029499660839, 0.24477668531, 0.05970720137, 0.029499660839, 0.24477668531,
    -3.2791760546, 0.95975884524, 5.1187138413, -0.89560802055, -0.44249491258, 3.6716502797, 0.89560802055, 0.44249491258, 3.6716502797,
    0.13464882157, 2.8695818728, 5.1187138413, 0.082601070404, 0.50260240381, 2.4132348263, -0.082601070404, -0.50260240381, 2.4132348263,
    -0.44722277323, 0.13089447021, 0.69810384115, -0.17305425008, -0.020457458496, 0.49581705729, 0.17305425008, 0.020457458496, 0.49581705729,
    -0.62778052436, 0.18374064128, 0.97995008681, -0.19236823188, -0.01373562283, 0.58634982639, 0.19236823188, 0.01373562283, 0.58634982639,
    -0.71870117187, 0.2103515625, 1.121875, -0.19152018229, -0.030696614583, 0.640625, 0.19152018229, 0.030696614583, 0.640625,
    -6.7083415985, 1.9634170532, 10.471557617, -2.5958137512, -0.30686187744, 7.4372558594, 2.5958137512, 0.30686187744, 7.4372558594,
    -9.4167078654, 2.7561096191, 14.699251302, -2.8855234782, -0.20603434245, 8.7952473958, 2.8855234782, 0.20603434245, 8.7952473958,
    -10.780517578, 3.1552734375, 16.828125, -2.8728027344, -0.46044921875, 9.609375, 2.8728027344, 0.46044921875, 9.609375,
    0.28769493103, 6.5612297058, 10.471557617, 0.37985610962, 2.0194168091, 5.6628417969, -0.37985610962, -2.0194168091, 5.6628417969,
    0.30811716715, 8.9992777507, 14.699251302, 0.490331014, 2.2443237305, 6.6901041667, -0.490331014, -2.2443237305, 6.6901041667,
    0.27954101562, 10.156738281, 16.828125, 0.98706054688, 2.3374023438, 7.484375, -0.98706054688, -2.3374023438, 7.484375,
    -0.50403745807, 0.14752315846, 0.78679017845, -0.71638951422, -0.080638857195, 1.2733339981, 0.52073014895, -0.027065353313, 0.77551796926,
    -7.560561871, 2.2128473769, 11.801852677, -10.745842713, -1.2095828579, 19.100009971, 7.8109522342, -0.4059802997, 11.632769539,
    -0.01924693152, 6.3557091745, 11.801852677, 0.23539146794, 8.5390685197, 18.681066295, -0.06122624582, -5.8606758696, 12.192705927,
    -0.24556974905, 0.071874072893, 0.38332838876, -0.24985496925, -0.10353413433, 0.55213809108, 0.19464253741, 0.015293062371, 0.32288022356,
    -3.6835462358, 1.0781110934, 5.7499258314, -3.7478245388, -1.553012015, 8.2820713662, 2.9196380612, 0.22939593556, 4.8432033535,
    0.16686385171, 2.8082253351, 5.7499258314, -0.24913663778, 2.5084896327, 7.0154151684, -0.0069288252848, -2.1063260996, 4.5574838028,
    -42.836626801, 12.537549308, 66.866929641, 0.011498397436, 0.029961538462, 0.43312820513,
    -642.54940202, 188.06323962, 1003.0039446, 0.17247596154, 0.44942307692, 6.4969230769,
    -18.241125996, 535.46718385, 1003.0039446, -0.017427884615, -0.10576923077, 1.7307692308,
    -0.47005175129, 0.13757612233, 0.73373931909, -0.053556762568, -0.023248650977, 0.16367518249, 0.41188100179, -0.0018768310547, 0.63929036458,
    -7.0507762694, 2.063641835, 11.006089786, -0.80335143852, -0.34872976466, 2.4551277373, 6.1782150269, -0.02815246582, 9.5893554688,
    0.10097187702, 5.9750660051, 11.006089786, 0.13605837546, 0.68882311148, 1.7282086946, -0.29964447021, -4.6697845459, 9.6440429688,
    -0.27045541115, 0.079157681311, 0.42217430032, -0.032819008255, -0.0072171846473, 0.087408012113, 0.23932795091, -0.026946586069, 0.37149880149,
    -4.0568311672, 1.1873652197, 6.3326145049, -0.49228512383, -0.10825776971, 1.3111201817, 3.5899192637, -0.40419879104, 5.5724820224,
    -0.52061776653, 3.2768959544, 6.3326145049, -0.1403506392, 0.40517670535, 0.97439371392, 0.48076256839, -2.6446637818, 5.6037764116,
    -0.35669482603, 0.10439848567, 0.55679192355, -0.035093794286, -0.062941127475, 0.14395796981, 0.27459103604, 0.16169790716, 0.46072950066,
    -5.3504223904, 1.565977285, 8.3518788533, -0.5264069143, -0.94411691213, 2.1593695472, 4.1188655405, 2.4254686074, 6.9109425099,
    1.1437631009, 4.4152498729, 8.3518788533, 0.69735939192, 0.43286931896, 1.5987942715, -3.0308472379, -3.0320495861, 6.622225519,
    -0.26562337174, 0.077743425876, 0.41463160467, -0.059454004894, -0.019577020988, 0.15308857224,
    -3.9843505761, 1.1661513881, 6.2194740701, -0.89181007341, -0.29365531482, 2.2963285836,
    1.6363114481, 3.1586751954, 6.2194740701, 0.64898437784, 0.7919257203, 1.658607471,
    0.2280565347, -0.066748254058, 0.35599068831, 0.030129141759, 0.14566483931, 0.28302359533, 0.34217990283, 0.095614508686, 0.70919339832,
    3.4208480205, -1.0012238109, 5.3398603246, 0.45193712639, 2.1849725897, 4.2453539299, 5.1326985425, 1.4342176303, 10.637900975,
    -4.3543241525, -2.5320037508, 7.2626912414, -2.3187898578, -0.30261507901, 3.4037346117, 0.23532392665, -4.1717499589, 8.9869696349,
    -0.61360229387, 0.17959091528, 0.95781821483, 0.17024047159, 0.56258309806, 0.99546313395, 0.11738699161, -1.0326616553, 1.7189483169,
    -9.2040344081, 2.6938637292, 14.367273222, 2.5536070738, 8.4387464709, 14.931947009, 1.7608048742, -15.48992483, 25.784224754,
    -6.7346918213, 11.006717438, 27.326579515, -6.2988690117, -1.7888096485, 9.642447289, 5.6121262109, -0.80128435926, 11.619643477,
    1.1402826735, -0.33374127029, 1.7799534415, 0.1506457088, 0.72832419656, 1.4151179766, 1.7108995142, 0.47807254343, 3.5459669916,
    -3.0680114694, 0.8979545764, 4.7890910741, 0.85120235793, 2.8129154903, 4.9773156698, 0.58693495807, -5.1633082766, 8.5947415846,
    -0.22154947917, 0.06484375, 0.34583333333, -0.11077473958, 0.20419921875, 0.34166666667,
    -0.84597037172, 0.24760108441, 1.3205391168, -0.45461537911, -0.66433950355, 1.326130457, 0.41188100179, -0.0018768310547, 0.63929036458,
    -12.689555576, 3.7140162661, 19.808086752, -6.8192306867, -9.9650925532, 19.891956855, 6.1782150269, -0.02815246582, 9.5893554688,
    14.04207557, 11.164992377, 25.733499152, 12.154516243, 5.6661854581, 17.467879428, -0.29964447021, -4.6697845459, 9.6440429688,
    -0.8766321414, 0.2565752609, 1.3684013915, -0.45461537911, -0.66433950355, 1.326130457,
    -13.149482121, 3.8486289135, 20.526020872, -6.8192306867, -9.9650925532, 19.891956855,
    14.084483589, 11.716138405, 26.451433272, 12.154516243, 5.6661854581, 17.467879428,
    -0.058645590361, 0.017164563033, 0.091544336173, 0.5365385218, -0.78566902279, 1.9771462244, 0.2697909755, -0.31865703914, 0.62170856186,
    -0.87968385542, 0.25746844549, 1.3731650426, 8.048077827, -11.785035342, 29.657193365, 4.0468646325, -4.7798555871, 9.3256284279,
    5.5624007047, 0.73423600189, 14.838232738, 10.345186822, -6.7241863912, 21.853340493, 5.298205286, -2.965630044, 7.9518833422,
    -0.20362315062, 0.059597019692, 0.31785077169, 0.24360746718, -0.51766168061, 1.1420330944,
    -3.0543472592, 0.89395529538, 4.7677615754, 3.6541120078, -7.7649252091, 17.130496416,
    3.652963376, 2.8436162881, 9.6245592138, 6.3226913082, -2.5898234428, 11.40472752,
    -1.4205188949, 0.41576162777, 2.2173953481, -1.3285126253, 0.18824900331, 2.422037306, 1.3285126253, -0.18824900331, 2.422037306, 0.030441795484, 5.0142404588, 9.1837936198,
    -1.592028115, 0.4659594483, 2.4851170576, -0.65384001297, 0.0024704105591, 1.6089976035, 0.65384001297, -0.0024704105591, 1.6089976035, 0.10602134353, 1.8354387309, 2.6925927105,
    -21.307783423, 6.2364244165, 33.260930221, -19.927689379, 2.8237350496, 36.330559591, 19.927689379, -2.8237350496, 36.330559591, 0.45662693226, 75.213606882, 137.7569043,
    -23.880421726, 6.9893917245, 37.276755864, -9.8076001946, 0.037056158387, 24.134964053, 9.8076001946, -0.037056158387, 24.134964053, 1.5903201529, 27.531580964, 40.388890657,
    1.0062710952, 22.229768636, 36.171426345, 2.1935982618, 16.701773739, 34.960149843, -2.1935982618, -16.701773739, 34.960149843, -134.4080508, 29.708574789, 162.34919833,
    1.4274518725, 24.344701445, 37.276755864, 0.96454191822, 9.0249288201, 18.383317161, -0.96454191822, -9.0249288201, 18.383317161, -17.545553968, -2.6901432998, 28.365552838,
    -1.6746020029, 0.49012741547, 2.6140128825, -0.75073753786, -0.46424921194, 2.6002034738, 0.75073753786, 0.46424921194, 2.6002034738, -7.3195468353, 2.597730698, 11.681866783,
    -1.5025598331, 0.4397736097, 2.3454592517, -0.47572707547, -0.21869064619, 1.4208306439, 0.47572707547, 0.21869064619, 1.4208306439, -1.1390036145, 0.78879121874, 2.0341895605,
    -25.119030043, 7.3519112321, 39.210193238, -11.261063068, -6.9637381791, 39.003052107, 11.261063068, 6.9637381791, 39.003052107, -109.79320253, 38.96596047, 175.22800175,
    -22.538397497, 6.5966041455, 35.181888776, -7.1359061321, -3.2803596929, 21.312459659, 7.1359061321, 3.2803596929, 21.312459659, -17.085054217, 11.831868281, 30.512843407,
    7.3415229001, 31.081151227, 41.353202043, 10.970606188, 10.875337258, 25.886602073, -10.970606188, -10.875337258, 25.886602073, 43.009819526, -13.178726738, 67.649126315,
    2.479968565, 22.91685971, 35.181888776, 3.5614013149, 6.2930992762, 14.94781574, -3.5614013149, -6.2930992762, 14.94781574, 6.8395716387, -2.5923127222, 11.188251565,
    -1.6746020029, 0.49012741547, 2.6140128825, -0.75073753786, -0.46424921194, 2.6002034738, 0.75073753786, 0.46424921194, 2.6002034738, -7.3195468353, 2.597730698, 11.681866783,
    -1.5025598331, 0.4397736097, 2.3454592517, -0.47572707547, -0.21869064619, 1.4208306439, 0.47572707547, 0.21869064619, 1.4208306439, -1.1390036145, 0.78879121874, 2.0341895605,
    -25.119030043, 7.3519112321, 39.210193238, -11.261063068, -6.9637381791, 39.003052107, 11.261063068, 6.9637381791, 39.003052107, -109.79320253, 38.96596047, 175.22800175,
    -22.538397497, 6.5966041455, 35.181888776, -7.1359061321, -3.2803596929, 21.312459659, 7.1359061321, 3.2803596929, 21.312459659, -17.085054217, 11.831868281, 30.512843407,
    7.3415229001, 31.081151227, 41.353202043, 10.970606188, 10.875337258, 25.886602073, -10.970606188, -10.875337258, 25.886602073, 43.009819526, -13.178726738, 67.649126315,
    2.479968565, 22.91685971, 35.181888776, 3.5614013149, 6.2930992762, 14.94781574, -3.5614013149, -6.2930992762, 14.94781574, 6.8395716387, -2.5923127222, 11.188251565,
    0.05205078125, -0.015234375, 0.08125, 0.090087890625, -0.14013671875, 0.46979166667,
    0.12065104167, -0.0353125, 0.18833333333, 0.077408854167, -0.16682942708, 0.42708333333,
    0.78076171875, -0.228515625, 1.21875, 1.3513183594, -2.1020507812, 7.046875,
    1.809765625, -0.5296875, 2.825, 1.1611328125, -2.5024414062, 6.40625,
    2.1157226562, -1.6357421875, 11.03125, 1.3000488281, -1.5678710938, 4.609375,
    2.4638671875, -2.4146484375, 9.425, 1.3881835938, -1.3823242188, 4.3125,
    -0.43876139323, 0.12841796875, 0.68489583333, -0.10510253906, -0.033365885417, 0.3203125, 0.10510253906, 0.033365885417, 0.3203125,
    -0.69451090495, 0.20327148438, 1.0841145833, -0.077575683594, -0.028361002604, 0.48046875, 0.077575683594, 0.028361002604, 0.48046875,
    -5.2651367188, 1.541015625, 8.21875, -1.2612304688, -0.400390625, 3.84375, 1.2612304688, 0.400390625, 3.84375,
    -8.3341308594, 2.4392578125, 13.009375, -0.93090820312, -0.34033203125, 5.765625, 0.93090820312, 0.34033203125, 5.765625,
    0.18408203125, 5.412109375, 8.21875, 0.32666015625, 1.11328125, 2.625, -0.32666015625, -1.11328125, 2.625,
    0.18549804688, 8.0424804688, 13.009375, -0.15600585938, 0.67626953125, 4.421875, 0.15600585938, -0.67626953125, 4.421875,
    -0.75185951398, 0.22005644312, 1.1736343633, -0.19446064391, 0.035285728462, 0.41285606277,
    -11.27789271, 3.3008466467, 17.604515449, -2.9169096587, 0.52928592693, 6.1928409416,
    0.78933284263, 9.4660383507, 17.604515449, 0.48023885827, 2.4343092842, 5.1582644662,
    -0.57300176184, 0.16770783273, 0.89444177459, -2.763783126e-14, -0.095729040131, 0.31191638897, -0.075860349393, 0.021921562729, 0.32671803837,
    -0.52062067687, 0.15237678347, 0.81267617852, -2.6799092459e-14, -0.10351731939, 0.24062280277, -0.026794282228, 0.039064007306, 0.24664515529,
    -3.4380105711, 1.0062469964, 5.3666506475, -1.6599178629e-13, -0.57437424078, 1.8714983338, -0.45516209636, 0.13152937638, 1.9603082302,
    -3.1237240612, 0.91426070084, 4.8760570711, -1.6095414931e-13, -0.62110391632, 1.4437368166, -0.16076569337, 0.23438404384, 1.4798709317,
    -1.8903404282, 3.7646649176, 5.3666506475, -6.2657344591e-14, -0.070866042892, 1.5887669708, 0.67220438558, 0.094298475653, 1.62744044,
    -2.0028632336, 3.463814489, 4.8760570711, -6.9193782648e-14, -0.010459389151, 1.0358069607, 0.29164318171, -0.038659996921, 1.0063873468,
    -0.24173139827, 0.070750653153, 0.37733681682, 3.3903435614e-14, -0.27217895159, 0.36133988079, 0.20790688591, 0.2292511507, 0.37550070194,
    -0.24173139827, 0.070750653153, 0.37733681682, 3.3903435614e-14, -0.27217895159, 0.36133988079, 0.20790688591, 0.2292511507, 0.37550070194,
    -0.24173139827, 0.070750653153, 0.37733681682, 3.3903435614e-14, -0.27217895159, 0.36133988079, 0.20790688591, 0.2292511507, 0.37550070194,
    -0.6274028639, 0.18363010651, 0.97936056803, -0.020656132387, -0.053797238524, 0.87863081952, 0.428628854, 0.0019961803765, 0.91379418651, -0.40797272162, 0.051801058147, 0.88185140284,
    -0.25063977241, 0.073357982168, 0.39124257156, -0.033329636962, -0.088413021091, 0.62495363676, 0.30733077979, -0.034952662672, 0.56670822232, -0.27400114283, 0.12336568376, 0.55388326111,
    -0.79287531459, 0.23206106769, 1.2376590277, -0.21085962823, 0.020883769322, 0.99758235365, 0.3074144751, -0.022072263247, 0.87334312646, -0.09655484687, 0.001188493925, 0.90226163345,
    -1.3112792969, 0.3837890625, 2.046875, 0.030029296875, 0.15348307292, 1.4947916667, 0.61726888021, -0.093424479167, 2.1354166667, -0.64729817708, -0.06005859375, 2.1354166667,
    -3.7644171834, 1.101780639, 5.8761634082, -0.12393679432, -0.32278343114, 5.2717849171, 2.571773124, 0.011977082259, 5.4827651191, -2.4478363297, 0.31080634888, 5.291108417,
    -1.5038386344, 0.44014789301, 2.3474554294, -0.19997782177, -0.53047812654, 3.7497218205, 1.8439846788, -0.20971597603, 3.4002493339, -1.644006857, 0.74019410258, 3.3232995667,
    -4.7572518876, 1.3923664061, 7.425954166, -1.2651577694, 0.12530261593, 5.9854941219, 1.8444868506, -0.13243357948, 5.2400587588, -0.57932908122, 0.0071309635498, 5.4135698007,
    -7.8676757812, 2.302734375, 12.28125, 0.18017578125, 0.9208984375, 8.96875, 3.7036132812, -0.560546875, 12.8125, -3.8837890625, -0.3603515625, 12.8125,
    -0.72217130829, 3.32268544, 5.8761634082, -0.40060678129, -1.6187145105, 4.8355400783, 0.37839501762, 1.3178444697, 4.9422902218, 0.022211763668, 0.3008700408, 4.7218611251,
    -0.40521988389, 1.4718324703, 2.3474554294, -0.23004911203, -1.0260354711, 3.2501936898, 0.977862288, 1.3987857994, 2.7140917128, -0.74781317597, -0.37275032838, 2.6675404252,
    -1.7596680698, 4.4693036216, 7.425954166, -1.097877554, -1.7253028396, 5.3837025414, -0.0460157597, 1.2337423878, 4.8736311902, 1.1438933137, 0.49156045184, 4.7392562311,
    -1.5249023438, 6.8095703125, 12.28125, -0.71435546875, -4.9501953125, 8.65625, 0.38623046875, 3.572265625, 11.4375, 0.328125, 1.3779296875, 11.4375,
    -0.79744466146, 0.2333984375, 1.2447916667, 0.12679036458, -0.033365885417, 1.28125, 0.61726888021, -0.093424479167, 2.1354166667, -0.74405924479, 0.12679036458, 2.1354166667,
    -2.7193196615, 0.7958984375, 4.2447916667, -0.27026367188, 0.033365885417, 1.921875, 0.58390299479, 0.013346354167, 2.1354166667, -0.31363932292, -0.046712239583, 2.5625,
    -4.7846679688, 1.400390625, 7.46875, 0.7607421875, -0.2001953125, 7.6875, 3.7036132812, -0.560546875, 12.8125, -4.4643554688, 0.7607421875, 12.8125,
    -16.315917969, 4.775390625, 25.46875, -1.6215820312, 0.2001953125, 11.53125, 3.5034179688, 0.080078125, 12.8125, -1.8818359375, -0.2802734375, 15.375,
    -0.75244140625, 4.3935546875, 7.46875, -1.46484375, -3.5009765625, 7, 0.38623046875, 3.572265625, 11.4375, 1.0786132812, -0.0712890625, 11.4375,
    -3.2622070312, 14.993164062, 25.46875, -2.9165039062, -3.7998046875, 9.40625, 0.81103515625, 3.958984375, 12.6875, 2.10546875, -0.1591796875, 12.75,
    -2.1260133341, 4.5649225769, 8.4680053806, -0.32099817386, -0.86775142469, 2.8788043505, 0.32099817386, 0.86775142469, 2.8788043505,
    -4.3259305, 9.426271, 16.828128, -0.34106445312, -1.5883789062, 7.421875, 0.34106445312, 1.5883789062, 7.421875,
    -0.63862304687, 0.1869140625, 0.996875, -0.15915527344, 0.057055664062, 0.640625,
    -1.7978790283, 0.52620849609, 2.8064453125, -1.1592559814, 0.15502624512, 2.5544921875,
    -0.44563476562, 0.1304296875, 0.695625, -0.18918457031, 0.043041992187, 0.4484375,
    -2.5544921875, 0.74765625, 3.9875, -0.63662109375, 0.22822265625, 2.5625,
    -7.1915161133, 2.1048339844, 11.22578125, -4.6370239258, 0.62010498047, 10.21796875,
    -1.7825390625, 0.52171875, 2.7825, -0.75673828125, 0.17216796875, 1.79375,
    1.2095703125, 2.86171875, 3.9875, 0.47978515625, 0.17587890625, 2.5625,
    4.8587768555, 8.5629394531, 11.22578125, 3.649206543, 0.69774169922, 11.37109375,
    1.0051171875, 2.065625, 2.7825, 0.45146484375, 0.12724609375, 1.96875,
    -0.656640625, 0.1921875, 1.025, -0.1361328125, 0.0560546875, 0.76875,
    -1.4884521484, 0.43564453125, 2.3234375, -0.83181152344, 0.29729003906, 2.6265625,
    -0.42921875, 0.125625, 0.67, -0.176171875, 0.080078125, 0.5125,
    -0.656640625, 0.1921875, 1.025, -0.1361328125, 0.0560546875, 0.76875,
    -1.4884521484, 0.43564453125, 2.3234375, -0.83181152344, 0.29729003906, 2.6265625,
    -0.42921875, 0.125625, 0.67, -0.176171875, 0.080078125, 0.5125,
    -0.656640625, 0.1921875, 1.025, -0.1361328125, 0.0560546875, 0.76875,
    -1.4884521484, 0.43564453125, 2.3234375, -0.83181152344, 0.29729003906, 2.6265625,
    -0.42921875, 0.125625, 0.67, -0.176171875, 0.080078125, 0.5125,
    -1.0710539269, 0.31347919811, 1.6718890566, -0.71078577909, 0.056519629739, 1.4410725911,
    -4.2842157075, 1.2539167924, 6.6875562263, -2.8431431163, 0.22607851895, 5.7642903646,
    4.008323577, 5.5904191451, 6.6875562263, 2.8873045488, 0.3174903176, 6.6910304214,
    -0.30362955729, 0.0888671875, 0.47395833333, -0.045043945312, -0.0050048828125, 0.42708333333,
    -0.91088867188, 0.2666015625, 1.421875, -0.13513183594, -0.015014648438, 1.28125,
    -0.80249023438, 0.2578125, 1.421875, -0.22546386719, 0.039184570312, 1.21875,
    -0.75406901042, 0.220703125, 1.1770833333, -0.27026367188, -0.030029296875, 0.42708333333,
    -1.5081380208, 0.44140625, 2.3541666667, -0.54052734375, -0.06005859375, 0.85416666667,
    1.2138671875, 0.220703125, 2.3541666667, 0.43505859375, 0.04833984375, 0.6875,
    -0.85083007812, 0.2490234375, 1.328125, -0.18518066406, 0.015014648438, 0.9609375,
    -0.85083007812, 0.2490234375, 1.328125, -0.18518066406, 0.015014648438, 0.9609375,
    -0.85083007812, 0.2490234375, 1.328125, -0.18518066406, 0.015014648438, 0.9609375,
    -0.75185951398, 0.22005644312, 1.1736343633, -0.19446064391, 0.035285728462, 0.41285606277,
    -2.2555785419, 0.66016932935, 3.5209030899, -0.58338193173, 0.10585718539, 1.2385681883,
    -0.42205927903, 1.2533348062, 3.5209030899, -0.082310243412, -0.053088056657, 0.98983152828,
    -0.33408515564, 0.097781021163, 0.52149877954, -0.072979589071, 0.0071781303335, 0.19354476042,
    -1.0022554669, 0.29334306349, 1.5644963386, -0.21893876721, 0.021534391001, 0.58063428125,
    -0.18863555375, 0.4752774941, 1.5644963386, -0.029995979118, 0.025160283425, 0.47390204738,
    -0.23949472674, 0.070096017583, 0.37384542711, -0.046894365779, 0.15768811461, 0.43173104458,
    -0.28944823491, 0.084716556558, 0.45182163498, -0.063258386074, 0.20184603577, 0.5194417633,
    -0.448207488, 0.13118267942, 0.69964095688, 0.0086272165888, 0.27431981134, 0.55256876723,
    -1.4369683605, 0.4205761055, 2.2430725627, -0.28136619468, 0.94612868765, 2.5903862675,
    -0.86834470472, 0.25414966967, 1.3554649049, -0.18977515822, 0.60553810731, 1.5583252899,
    -2.689244928, 0.78709607649, 4.1978457413, 0.051763299533, 1.6459188681, 3.3154126034,
    -0.038326395898, 1.2086331276, 2.2430725627, 0.27799604177, -0.23974308661, 2.117200122,
    -0.18124402383, 0.4844361412, 1.3554649049, 0.014314131983, 0.13901217084, 1.2125092414,
    -0.035594956674, 2.3786973853, 4.1978457413, 0.76776833236, -0.2553675932, 2.8953874135,
    -0.30063977991, 0.087992130705, 0.46929136376, -0.059127309928, 0.1747207793, 0.55779161542,
    -0.34936991596, 0.10225460955, 0.5453579176, -0.069503822256, 0.22729094464, 0.65741040899,
    -1.8038386794, 0.52795278423, 2.8157481826, -0.35476385957, 1.0483246758, 3.3467496925,
    -1.0481097479, 0.30676382865, 1.6360737528, -0.20851146677, 0.68187283393, 1.972231227,
    -0.61516663809, 1.4970959921, 2.8157481826, -0.84450103753, 0.43967867325, 2.784076811,
    -0.29779359578, 0.76382165178, 1.6360737528, -0.10614520783, 0.15239048659, 1.5109994248,
    -2.479471638, 0.725699016, 3.870394752, -0.65709141242, -0.098523168698, 2.4456803724,
    -12.761716615, 3.7351365701, 19.920728374, -3.4843097141, -0.39032319495, 11.900040852,
    -0.9475719854, 7.1819308928, 19.920728374, 0.64029357142, -0.50936772045, 9.0869407977,
    -2.6460089029, 0.77444163011, 4.1303553606, -0.71433591124, -0.11812757224, 2.5465883579,
    -13.261328409, 3.8813644124, 20.7006102, -3.6560432106, -0.44913640557, 12.202764809,
    -1.2034707095, 7.9618127185, 20.7006102, 0.55233251226, -0.53949156004, 9.2419945315,
    -1.8601230128, 0.54442624765, 2.9036066541, -0.73472385837, -0.068821921815, 1.748708371,
    -8.963998283, 2.6236092536, 13.992582686, -3.5539112749, -0.27647330039, 8.3995992589,
    -1.0343034176, 1.9806610212, 13.992582686, -0.4696206031, 0.21610762921, 7.582954979,
    -1.2555218485, 0.36746980932, 1.959838983, -0.081303555095, -0.18472918871, 1.4139350661,
    -5.0296293848, 1.4720866492, 7.8511287958, -0.36357819492, -0.62464839359, 5.4911697975,
    -0.080830392739, 5.1709689418, 7.8511287958, 0.050193361142, -0.18073876196, 3.3610519155,
    -1.7727311579, 0.51884814378, 2.7671901001, -0.28407016685, -0.093343811379, 2.1476209637,
    -3.5454623158, 1.0376962876, 5.5343802003, -0.5681403337, -0.18668762276, 4.2952419274,
    -3.5454623158, 1.0376962876, 5.5343802003, -0.5681403337, -0.18668762276, 4.2952419274,
    -2.9315449616, 0.85801315948, 4.5760701839, -0.50487433621, 0.0065856908213, 2.6076311416,
    -49.971822748, 14.625899341, 78.004796485, -8.6524401744, 0.1633567111, 44.209339765,
    -9.6005046207, 11.352549223, 78.004796485, -2.367163505, 0.81043113982, 39.950965861,
    0};
