/* Made by gen_pool.py with PyTorch 2.15.0 in double: do not edit.
   CASE(number, shapes, call); golden: for each case the size of its value, then three sums of it and of each gradient. */
#define CASES(CASE) \
    CASE(0, "1x1x7x7", dl_max_pool2d(c, x[0], 1, .stride = 1)) \
    CASE(1, "3x4x26", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .stride = 1)) \
    CASE(2, "1x2x6x23", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .divisor_override = 3, .kernels = {1, 3}, .strides = {2, 1}, .paddings = {0, 1})) \
    CASE(3, "1x3x29", dl_lp_pool2d(c, dl_abs(c, x[0]), 3, 3, .stride = 2)) \
    CASE(4, "1x1x5x7", dl_max_pool2d(c, x[0], 3, .ceil_mode = 1, .kernels = {3, 3}, .paddings = {1, 1}, .dilations = {1, 1})) \
    CASE(5, "1x8x34", dl_avg_pool2d(c, x[0], 4, .kernels = {4, 1}, .strides = {1, 4}, .paddings = {2, 0})) \
    CASE(6, "1x1x39", dl_avg_pool1d(c, x[0], 4, .no_count_include_pad = 1, .kernels = {4}, .paddings = {0})) \
    CASE(7, "1x3x6x6", dl_max_pool2d(c, x[0], 3, .stride = 2, .padding = 1)) \
    CASE(8, "2x3x9x7", dl_max_pool2d(c, x[0], 3, .stride = 2, .padding = 1, .dilation = 3)) \
    CASE(9, "1x2x7x36", dl_avg_pool2d(c, x[0], 3, .ceil_mode = 1, .no_count_include_pad = 1, .divisor_override = 3, .stride = 2, .padding = 1)) \
    CASE(10, "3x4x7", dl_avg_pool2d(c, x[0], 3, .ceil_mode = 1, .no_count_include_pad = 1, .divisor_override = 3, .stride = 2)) \
    CASE(11, "2x3x3x29", dl_avg_pool2d(c, x[0], 2, .no_count_include_pad = 1, .kernels = {2, 2}, .paddings = {0, 1})) \
    CASE(12, "1x2x6x5", dl_max_pool2d(c, x[0], 2, .kernels = {2, 2}, .strides = {4, 2}, .paddings = {1, 1}, .dilations = {1, 1})) \
    CASE(13, "3x5x3x5", dl_avg_pool3d(c, x[0], 3, .ceil_mode = 1, .kernels = {3, 3, 3}, .strides = {1, 2, 2}, .paddings = {1, 1, 0})) \
    CASE(14, "1x2x3x5", dl_lp_pool2d(c, dl_abs(c, x[0]), 2, 2, .ceil_mode = 1, .kernels = {2, 3}, .strides = {4, 3})) \
    CASE(15, "2x2x9x4", dl_avg_pool2d(c, x[0], 3, .no_count_include_pad = 1, .stride = 2)) \
    CASE(16, "2x3x8x9", dl_avg_pool2d(c, x[0], 1, .kernels = {1, 1}, .strides = {1, 2}, .paddings = {0, 0})) \
    CASE(17, "1x2x7x6", dl_lp_pool2d(c, dl_abs(c, x[0]), 1.5, 2, .stride = 2)) \
    CASE(18, "1x2x6x9", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .no_count_include_pad = 1, .stride = 3)) \
    CASE(19, "1x1x8x17", dl_lp_pool2d(c, dl_abs(c, x[0]), 1.5, 1, .kernels = {1, 3}, .strides = {4, 2})) \
    CASE(20, "1x10", dl_max_pool1d(c, x[0], 2, .ceil_mode = 1, .kernels = {2}, .paddings = {0}, .dilations = {2})) \
    CASE(21, "1x3x3x8", dl_max_pool2d(c, x[0], 1, .ceil_mode = 1, .stride = 4, .dilation = 3)) \
    CASE(22, "2x1x4x33", dl_avg_pool2d(c, x[0], 3, .no_count_include_pad = 1, .kernels = {3, 2}, .strides = {2, 1}, .paddings = {0, 1})) \
    CASE(23, "1x1x8x3", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .no_count_include_pad = 1, .stride = 1)) \
    CASE(24, "2x1x4x6x4", dl_max_pool3d(c, x[0], 1, .kernels = {1, 4, 2}, .strides = {1, 4, 3}, .paddings = {0, 1, 1}, .dilations = {2, 1, 1})) \
    CASE(25, "2x9x5", dl_avg_pool2d(c, x[0], 2, .ceil_mode = 1, .kernels = {2, 2}, .strides = {2, 1}, .paddings = {0, 0})) \
    CASE(26, "2x3x6x5", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .stride = 1, .dilation = 2)) \
    CASE(27, "1x2x9x5", dl_max_pool2d(c, x[0], 1, .stride = 2)) \
    CASE(28, "1x3x4x27", dl_max_pool2d(c, x[0], 3, .ceil_mode = 1, .kernels = {3, 3}, .strides = {1, 2}, .paddings = {0, 1}, .dilations = {1, 1})) \
    CASE(29, "2x1x8x4", dl_avg_pool2d(c, x[0], 1, .no_count_include_pad = 1, .stride = 2)) \
    CASE(30, "1x3x4x3", dl_lp_pool2d(c, dl_abs(c, x[0]), 1, 1, .kernels = {1, 2}, .strides = {3, 1})) \
    CASE(31, "2x3x9x6", dl_lp_pool2d(c, dl_abs(c, x[0]), 1, 1, .stride = 4)) \
    CASE(32, "2x2x5x17", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .stride = 3)) \
    CASE(33, "1x6x9", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .no_count_include_pad = 1, .kernels = {1, 3}, .strides = {4, 1}, .paddings = {0, 1})) \
    CASE(34, "2x3x11", dl_avg_pool1d(c, x[0], 3, .ceil_mode = 1, .stride = 1)) \
    CASE(35, "1x1x10", dl_lp_pool1d(c, dl_abs(c, x[0]), 1, 2, .stride = 2)) \
    CASE(36, "2x1x5x33", dl_lp_pool2d(c, dl_abs(c, x[0]), 2, 2, .kernels = {2, 1}, .strides = {2, 3})) \
    CASE(37, "1x2x5x6", dl_avg_pool2d(c, x[0], 4, .no_count_include_pad = 1, .stride = 2, .padding = 2)) \
    CASE(38, "1x1x3x37", dl_avg_pool2d(c, x[0], 4, .ceil_mode = 1, .no_count_include_pad = 1, .kernels = {4, 4}, .strides = {1, 1}, .paddings = {1, 0})) \
    CASE(39, "3x9x30", dl_avg_pool2d(c, x[0], 2, .ceil_mode = 1, .no_count_include_pad = 1, .stride = 1, .padding = 1)) \
    CASE(40, "2x3x7x3", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .no_count_include_pad = 1, .divisor_override = 3, .stride = 3)) \
    CASE(41, "2x2x9x9", dl_lp_pool2d(c, dl_abs(c, x[0]), 2, 1, .kernels = {1, 2})) \
    CASE(42, "1x2x7x7", dl_avg_pool2d(c, x[0], 4, .ceil_mode = 1, .no_count_include_pad = 1, .kernels = {4, 3}, .strides = {1, 2}, .paddings = {2, 0})) \
    CASE(43, "3x5x6x5", dl_max_pool3d(c, x[0], 3, .stride = 1)) \
    CASE(44, "2x2x17", dl_lp_pool1d(c, dl_abs(c, x[0]), 3, 2)) \
    CASE(45, "1x2x7x7", dl_avg_pool2d(c, x[0], 2, .ceil_mode = 1, .no_count_include_pad = 1, .stride = 3, .padding = 1)) \
    CASE(46, "3x6x4", dl_max_pool2d(c, x[0], 4, .ceil_mode = 1, .kernels = {4, 1}, .strides = {1, 1}, .paddings = {0, 0}, .dilations = {1, 1})) \
    CASE(47, "2x1x38", dl_lp_pool1d(c, dl_abs(c, x[0]), 2, 1, .ceil_mode = 1, .kernels = {1})) \
    CASE(48, "1x1x6x7", dl_avg_pool2d(c, x[0], 3, .divisor_override = 3, .stride = 4, .padding = 1)) \
    CASE(49, "2x2x9x25", dl_max_pool2d(c, x[0], 3, .stride = 4)) \
    CASE(50, "1x2x18", dl_lp_pool1d(c, dl_abs(c, x[0]), 1.5, 1, .ceil_mode = 1)) \
    CASE(51, "2x1x3x6", dl_max_pool2d(c, x[0], 1, .kernels = {1, 2}, .paddings = {0, 1}, .dilations = {1, 1})) \
    CASE(52, "2x3x9", dl_avg_pool2d(c, x[0], 2, .ceil_mode = 1, .kernels = {2, 3}, .strides = {1, 2}, .paddings = {0, 1})) \
    CASE(53, "1x1x9x36", dl_avg_pool2d(c, x[0], 4, .no_count_include_pad = 1, .stride = 1)) \
    CASE(54, "2x3x3x28", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .stride = 2)) \
    CASE(55, "2x3x7x6", dl_avg_pool2d(c, x[0], 2, .ceil_mode = 1, .no_count_include_pad = 1, .stride = 1)) \
    CASE(56, "1x2x6", dl_max_pool1d(c, x[0], 2, .kernels = {2}, .strides = {1}, .paddings = {1}, .dilations = {2})) \
    CASE(57, "1x2x7x33", dl_avg_pool2d(c, x[0], 4, .ceil_mode = 1, .no_count_include_pad = 1, .divisor_override = 3, .kernels = {4, 4}, .strides = {2, 1}, .paddings = {2, 2})) \
    CASE(58, "2x3x5x6x4", dl_avg_pool3d(c, x[0], 1, .no_count_include_pad = 1)) \
    CASE(59, "2x9x4", dl_avg_pool2d(c, x[0], 1, .no_count_include_pad = 1, .stride = 2)) \
    CASE(60, "1x1x7", dl_max_pool1d(c, x[0], 3, .kernels = {3}, .strides = {4}, .paddings = {0}, .dilations = {3})) \
    CASE(61, "2x2x6x25", dl_max_pool2d(c, x[0], 4, .ceil_mode = 1, .kernels = {4, 4}, .paddings = {1, 2}, .dilations = {1, 1})) \
    CASE(62, "2x3x7x8", dl_max_pool2d(c, x[0], 4, .ceil_mode = 1, .stride = 4, .padding = 1, .dilation = 2)) \
    CASE(63, "1x3x4x32", dl_lp_pool2d(c, dl_abs(c, x[0]), 3, 3, .ceil_mode = 1, .kernels = {3, 3}, .strides = {3, 1})) \
    CASE(64, "1x8x18", dl_max_pool2d(c, x[0], 3, .ceil_mode = 1, .stride = 1, .padding = 1, .dilation = 2)) \
    CASE(65, "2x2x29", dl_avg_pool1d(c, x[0], 3, .ceil_mode = 1, .no_count_include_pad = 1)) \
    CASE(66, "2x1x4x6x3", dl_avg_pool3d(c, x[0], 3, .no_count_include_pad = 1, .kernels = {3, 1, 3}, .paddings = {1, 0, 0})) \
    CASE(67, "2x2x6x6x3", dl_avg_pool3d(c, x[0], 2, .ceil_mode = 1, .stride = 1)) \
    CASE(68, "2x2x4x5x6", dl_lp_pool3d(c, dl_abs(c, x[0]), 2, 1, .stride = 2)) \
    CASE(69, "1x3x6x5", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .kernels = {2, 4}, .strides = {1, 2}, .paddings = {1, 2}, .dilations = {3, 1})) \
    CASE(70, "2x3x40", dl_max_pool1d(c, x[0], 4, .padding = 1, .dilation = 3)) \
    CASE(71, "2x2x5x35", dl_max_pool2d(c, x[0], 1, .stride = 2)) \
    CASE(72, "3x7x5", dl_avg_pool2d(c, x[0], 1, .divisor_override = 3, .kernels = {1, 2}, .strides = {3, 2}, .paddings = {0, 1})) \
    CASE(73, "3x15", dl_avg_pool1d(c, x[0], 2, .stride = 3)) \
    CASE(74, "1x1x8x4", dl_max_pool2d(c, x[0], 3, .kernels = {3, 4}, .strides = {3, 2}, .paddings = {1, 2}, .dilations = {1, 1})) \
    CASE(75, "3x9x16", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .padding = 1, .dilation = 2)) \
    CASE(76, "1x1x6x4x3", dl_lp_pool3d(c, dl_abs(c, x[0]), 1, 2, .ceil_mode = 1, .kernels = {2, 1, 3})) \
    CASE(77, "2x2x4x9", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .kernels = {2, 2}, .strides = {1, 2}, .paddings = {1, 0}, .dilations = {2, 1})) \
    CASE(78, "1x2x9x9", dl_avg_pool2d(c, x[0], 4, .divisor_override = 3, .kernels = {4, 2}, .strides = {1, 2}, .paddings = {2, 1})) \
    CASE(79, "2x2x9x4", dl_avg_pool2d(c, x[0], 2, .stride = 1)) \
    CASE(80, "1x3x7x5", dl_max_pool2d(c, x[0], 4, .stride = 3, .padding = 1, .dilation = 2)) \
    CASE(81, "1x3x7", dl_max_pool1d(c, x[0], 4, .kernels = {4}, .strides = {1}, .paddings = {2}, .dilations = {1})) \
    CASE(82, "2x2x5", dl_avg_pool1d(c, x[0], 1, .no_count_include_pad = 1, .stride = 3)) \
    CASE(83, "2x1x31", dl_max_pool1d(c, x[0], 4, .stride = 2, .padding = 1, .dilation = 3)) \
    CASE(84, "1x5x3x6", dl_max_pool3d(c, x[0], 1, .ceil_mode = 1, .stride = 4)) \
    CASE(85, "2x3x9x3", dl_max_pool2d(c, x[0], 3, .kernels = {3, 3}, .paddings = {0, 1}, .dilations = {3, 1})) \
    CASE(86, "1x2x5x3", dl_avg_pool2d(c, x[0], 1, .ceil_mode = 1, .no_count_include_pad = 1)) \
    CASE(87, "2x2x30", dl_max_pool1d(c, x[0], 1, .ceil_mode = 1, .kernels = {1}, .strides = {2}, .paddings = {0}, .dilations = {2})) \
    CASE(88, "2x6x3x4", dl_lp_pool3d(c, dl_abs(c, x[0]), 1, 3, .stride = 2)) \
    CASE(89, "2x4x4", dl_avg_pool2d(c, x[0], 4, .ceil_mode = 1, .kernels = {4, 3}, .strides = {2, 1}, .paddings = {0, 1})) \
    CASE(90, "2x1x5x6x3", dl_max_pool3d(c, x[0], 2, .ceil_mode = 1, .stride = 4, .padding = 1, .dilation = 3)) \
    CASE(91, "1x2x33", dl_max_pool1d(c, x[0], 1, .ceil_mode = 1, .kernels = {1}, .strides = {1}, .paddings = {0}, .dilations = {1})) \
    CASE(92, "1x3x22", dl_max_pool1d(c, x[0], 1, .stride = 4)) \
    CASE(93, "2x1x4x8", dl_avg_pool2d(c, x[0], 3, .divisor_override = 3, .kernels = {3, 4}, .paddings = {0, 1})) \
    CASE(94, "1x3x3x4", dl_max_pool2d(c, x[0], 4, .ceil_mode = 1, .stride = 4, .padding = 1)) \
    CASE(95, "1x3x3x7", dl_lp_pool2d(c, dl_abs(c, x[0]), 2, 1, .ceil_mode = 1, .stride = 1)) \
    CASE(96, "1x1x7x7", dl_max_pool2d(c, x[0], 4, .kernels = {4, 2}, .strides = {2, 4}, .paddings = {0, 0}, .dilations = {1, 1})) \
    CASE(97, "1x2x3", dl_avg_pool1d(c, x[0], 2, .ceil_mode = 1, .no_count_include_pad = 1, .kernels = {2}, .strides = {4}, .paddings = {1})) \
    CASE(98, "2x3x4x3x3", dl_avg_pool3d(c, x[0], 2, .no_count_include_pad = 1, .kernels = {2, 3, 1}, .strides = {1, 2, 4}, .paddings = {0, 1, 0})) \
    CASE(99, "1x2x27", dl_lp_pool1d(c, dl_abs(c, x[0]), 2, 3, .stride = 1)) \
    CASE(100, "1x9x6", dl_avg_pool2d(c, x[0], 3, .no_count_include_pad = 1, .stride = 3)) \
    CASE(101, "1x2x9x4", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .stride = 2, .dilation = 2)) \
    CASE(102, "2x3x6x7", dl_max_pool2d(c, x[0], 2, .dilation = 3)) \
    CASE(103, "1x9x3", dl_avg_pool2d(c, x[0], 3, .ceil_mode = 1, .kernels = {3, 2}, .strides = {1, 2}, .paddings = {1, 1})) \
    CASE(104, "2x2x22", dl_max_pool1d(c, x[0], 2, .stride = 2, .padding = 1)) \
    CASE(105, "2x2x3x19", dl_avg_pool2d(c, x[0], 3, .divisor_override = 3, .stride = 2, .padding = 1)) \
    CASE(106, "1x1x6x5", dl_max_pool2d(c, x[0], 2, .ceil_mode = 1, .kernels = {2, 3}, .strides = {2, 1}, .paddings = {1, 1}, .dilations = {1, 2})) \
    CASE(107, "1x1x5x5x6", dl_avg_pool3d(c, x[0], 2, .no_count_include_pad = 1, .stride = 2, .padding = 1)) \
    CASE(108, "1x1x3x7", dl_max_pool2d(c, x[0], 4, .ceil_mode = 1, .stride = 3, .padding = 1)) \
    CASE(109, "2x3x6x3", dl_max_pool2d(c, x[0], 1, .ceil_mode = 1, .stride = 1, .dilation = 2)) \
    CASE(110, "2x3x4x9x4", dl_adaptive_max_pool3d(c, x[0], 1, .sizes = {3, 4, 1})) \
    CASE(111, "2x2x7x5x3", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {5, 3, 6})) \
    CASE(112, "1x3x7x7", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {3, 2})) \
    CASE(113, "2x3x6x8", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {4, 2})) \
    CASE(114, "1x1x5x8", dl_adaptive_max_pool2d(c, x[0], 1, .sizes = {5, 5})) \
    CASE(115, "1x2x5x8x3", dl_adaptive_max_pool3d(c, x[0], 1, .sizes = {5, 1, 4})) \
    CASE(116, "2x2x6x6", dl_adaptive_max_pool2d(c, x[0], 1, .sizes = {4, 3})) \
    CASE(117, "1x9x7", dl_adaptive_max_pool2d(c, x[0], 1, .sizes = {2, 1})) \
    CASE(118, "1x6x4x7", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {5, 6, 4})) \
    CASE(119, "2x2x6x2", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {6, 5})) \
    CASE(120, "1x3x2x7", dl_adaptive_max_pool2d(c, x[0], 1, .sizes = {6, 3})) \
    CASE(121, "3x7", dl_adaptive_max_pool1d(c, x[0], 1, .sizes = {4})) \
    CASE(122, "1x3x7", dl_adaptive_max_pool1d(c, x[0], 1, .sizes = {3})) \
    CASE(123, "1x3x9x6", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {5, 4})) \
    CASE(124, "2x2x2x6x8", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {4, 5, 5})) \
    CASE(125, "1x1x3x8", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {6, 5})) \
    CASE(126, "2x8", dl_adaptive_avg_pool1d(c, x[0], 1, .sizes = {1})) \
    CASE(127, "2x1x5x3x9", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {2, 6, 1})) \
    CASE(128, "1x1x8x3", dl_adaptive_avg_pool2d(c, x[0], 1, .sizes = {2, 4})) \
    CASE(129, "2x3", dl_adaptive_max_pool1d(c, x[0], 1, .sizes = {3})) \
    CASE(130, "1x3x5", dl_adaptive_max_pool1d(c, x[0], 1, .sizes = {5})) \
    CASE(131, "1x1x9x7x9", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {1, 6, 2})) \
    CASE(132, "1x2x2x8x4", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {3, 5, 6})) \
    CASE(133, "1x2x7x9x8", dl_adaptive_avg_pool3d(c, x[0], 1, .sizes = {1, 6, 1})) \
    CASE(134, "2x2x7x5x6", unpooled3(c, x[0], 2, 2)) \
    CASE(135, "2x2x6x6", unpooled2(c, x[0], 2, 2)) \
    CASE(136, "2x2x4x4", unpooled2(c, x[0], 2, 2)) \
    CASE(137, "2x2x5", unpooled1(c, x[0], 2, 2)) \
    CASE(138, "2x2x7x5", unpooled2(c, x[0], 3, 3)) \
    CASE(139, "2x2x5x4x6", unpooled3(c, x[0], 2, 2)) \
    CASE(140, "1x2x18x20", dl_max_pool2d(c, x[0], 17, .stride = 1, .padding = 8)) \
    CASE(141, "1x2x18x20", dl_avg_pool2d(c, x[0], 17, .stride = 3, .padding = 8)) \
    CASE(142, "2x400", dl_avg_pool1d(c, x[0], 300, .stride = 50, .padding = 100)) \
    CASE(143, "2x3x5x4", dl_global_avg_pool2d(c, x[0])) \
    CASE(144, "2x3x5x4", dl_global_max_pool2d(c, x[0])) \
    CASE(145, "2x3x7x6", dl_spatial_pyramid_pool(c, x[0])) \
    CASE(146, "2x2x5x7", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5})) \
    CASE(147, "1x2x6x9", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .antialias = 1, .size = {2, 8})) \
    CASE(148, "2x1x2x3x2", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5, 2.0})) \
    CASE(149, "1x2x7x3", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .antialias = 1, .size = {2, 12})) \
    CASE(150, "2x1x5x5", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .antialias = 1, .scale = {2.0, 2.0})) \
    CASE(151, "2x1x2x5", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .size = {12, 7})) \
    CASE(152, "2x2x4x7", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0, 2.0})) \
    CASE(153, "2x1x8x4", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {6, 1})) \
    CASE(154, "1x1x9x3", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .size = {3, 5})) \
    CASE(155, "1x2x5x9", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {0.5, 2.0})) \
    CASE(156, "2x1x8x2", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .align_corners = 1, .size = {6, 7})) \
    CASE(157, "1x1x9x7", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {0.5, 2.0})) \
    CASE(158, "1x2x9x5", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .scale = {0.7, 0.5})) \
    CASE(159, "2x2x7", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {2.0})) \
    CASE(160, "2x1x6x4", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5})) \
    CASE(161, "2x1x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0})) \
    CASE(162, "2x1x8x6x8", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {2.0, 2.0, 0.5})) \
    CASE(163, "1x2x5", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0})) \
    CASE(164, "2x2x8x8", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0, 2.0})) \
    CASE(165, "2x1x8x3", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0, 0.5})) \
    CASE(166, "1x2x7x4", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .align_corners = 1, .antialias = 1, .size = {11, 8})) \
    CASE(167, "2x1x9x3x8", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {2.0, 2.0, 0.5})) \
    CASE(168, "1x1x4x4x4", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {8, 11, 8})) \
    CASE(169, "2x1x4x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0, 0.5})) \
    CASE(170, "1x2x2", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {8})) \
    CASE(171, "1x2x7x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {12, 4})) \
    CASE(172, "2x2x9x3", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {2.0, 0.5})) \
    CASE(173, "1x1x6x8", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5})) \
    CASE(174, "1x2x8x5", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {9, 9})) \
    CASE(175, "2x2x5x4x7", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .scale = {1.5, 2.0, 2.0})) \
    CASE(176, "2x2x6x4", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .scale = {3.0, 3.0})) \
    CASE(177, "2x2x5x2", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {11, 7})) \
    CASE(178, "1x1x7x7x4", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {6, 7, 4})) \
    CASE(179, "2x2x4x5", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .antialias = 1, .scale = {3.0, 0.5})) \
    CASE(180, "1x1x6x7", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .antialias = 1, .size = {7, 4})) \
    CASE(181, "2x1x7", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .size = {1})) \
    CASE(182, "2x2x3x2", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {2, 2})) \
    CASE(183, "2x2x9", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {2.0})) \
    CASE(184, "2x1x4x5", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .antialias = 1, .size = {9, 6})) \
    CASE(185, "1x1x5", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {12})) \
    CASE(186, "2x2x2x9x4", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {3, 6, 4})) \
    CASE(187, "2x1x5x9x9", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {0.5, 0.5, 0.5})) \
    CASE(188, "2x1x7x8x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {11, 3, 10})) \
    CASE(189, "2x2x9x6", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .antialias = 1, .scale = {0.5, 0.5})) \
    CASE(190, "1x1x9", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .scale = {0.5})) \
    CASE(191, "1x2x4x8", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {6, 3})) \
    CASE(192, "2x2x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {4})) \
    CASE(193, "2x2x5x8x3", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5, 0.5})) \
    CASE(194, "2x2x9x4", dl_interpolate(c, x[0], .mode = DL_NEAREST_EXACT, .size = {8, 11})) \
    CASE(195, "1x2x6x6x8", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {0.5, 2.0, 2.0})) \
    CASE(196, "1x1x7x9", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 0.5})) \
    CASE(197, "1x2x3", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .size = {2})) \
    CASE(198, "2x2x6", dl_interpolate(c, x[0], .mode = DL_AREA, .size = {7})) \
    CASE(199, "1x1x6x7", dl_interpolate(c, x[0], .mode = DL_NEAREST, .scale = {0.5, 2.0})) \
    CASE(200, "1x2x4x8", dl_interpolate(c, x[0], .mode = DL_BICUBIC, .align_corners = 1, .antialias = 1, .scale = {1.5, 2.0})) \
    CASE(201, "2x2x8x6x6", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .align_corners = 1, .scale = {0.7, 1.5, 1.5})) \
    CASE(202, "1x2x5x9", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {2.0, 2.0})) \
    CASE(203, "2x2x6x8", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {2.0, 2.0})) \
    CASE(204, "1x1x6x9", dl_interpolate(c, x[0], .mode = DL_BILINEAR, .antialias = 1, .scale = {2.3, 0.5})) \
    CASE(205, "1x1x4x4x8", dl_interpolate(c, x[0], .mode = DL_AREA, .scale = {0.5, 2.0, 2.0})) \
    CASE(206, "1x2x3x5", dl_upsample2d(c, x[0], 2, .mode = DL_NEAREST)) \
    CASE(207, "1x2x3x5", dl_upsample2d(c, x[0], 2, .mode = DL_BILINEAR)) \
    CASE(208, "1x2x3x5", dl_upsample2d(c, x[0], 2, .mode = DL_BICUBIC)) \
    CASE(209, "1x2x4x6 1x1x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE, .align_corners = 1)) \
    CASE(210, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 1), .align_corners = 1)) \
    CASE(211, "2x2x2x3x5 2x1x3x3x3", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REPLICATE)) \
    CASE(212, "2x3x4", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 2, 1, 5))) \
    CASE(213, "2x2x2x6x6 2x4x5x2x3", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REFLECT)) \
    CASE(214, "2x3x4", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 3, 1, 1))) \
    CASE(215, "1x2x5x5 1x1x3x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_ZEROS, .align_corners = 1)) \
    CASE(216, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 2), .align_corners = 1)) \
    CASE(217, "1x2x3x5 1x5x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE)) \
    CASE(218, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 4, 2))) \
    CASE(219, "1x2x5x6x6 1x1x4x4x3", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REFLECT, .align_corners = 1)) \
    CASE(220, "1x3x4", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 1, 2, 4), .align_corners = 1)) \
    CASE(221, "2x2x6x6 2x4x1x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE)) \
    CASE(222, "2x2x3", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 2, 1))) \
    CASE(223, "1x2x6x2 1x4x1x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_ZEROS)) \
    CASE(224, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 3, 1))) \
    CASE(225, "2x2x4x5 2x3x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE)) \
    CASE(226, "2x2x3", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 4, 1))) \
    CASE(227, "2x2x4x2 2x2x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE, .align_corners = 1)) \
    CASE(228, "2x2x3", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 4, 1), .align_corners = 1)) \
    CASE(229, "2x2x4x5 2x1x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REFLECT, .align_corners = 1)) \
    CASE(230, "2x2x3", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 4, 2), .align_corners = 1)) \
    CASE(231, "1x2x5x5x2 1x3x3x1x3", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REPLICATE)) \
    CASE(232, "1x3x4", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 1, 1, 3))) \
    CASE(233, "1x2x3x3 1x3x3x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .nearest = 1, .padding = DL_PAD_REFLECT)) \
    CASE(234, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 2))) \
    CASE(235, "2x2x4x2 2x1x3x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE, .align_corners = 1)) \
    CASE(236, "2x2x3", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 1, 1), .align_corners = 1)) \
    CASE(237, "1x2x3x4 1x4x2x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .nearest = 1, .padding = DL_PAD_ZEROS)) \
    CASE(238, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 2, 1))) \
    CASE(239, "1x2x5x6 1x2x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_REPLICATE)) \
    CASE(240, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 1))) \
    CASE(241, "1x2x4x4 1x2x4x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REFLECT)) \
    CASE(242, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 2, 2))) \
    CASE(243, "2x2x6x5x6 2x3x5x2x3", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REPLICATE, .align_corners = 1)) \
    CASE(244, "2x3x4", dl_affine_grid(c, x[0], DL_SHAPE(2, 1, 2, 5, 1), .align_corners = 1)) \
    CASE(245, "1x2x2x4 1x2x5x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .padding = DL_PAD_REFLECT, .align_corners = 1)) \
    CASE(246, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 2), .align_corners = 1)) \
    CASE(247, "1x2x2x5 1x1x4x2", dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875), .bicubic = 1, .padding = DL_PAD_ZEROS, .align_corners = 1)) \
    CASE(248, "1x2x3", dl_affine_grid(c, x[0], DL_SHAPE(1, 1, 5, 3), .align_corners = 1)) \
    CASE(249, "2x8x3x4", dl_pixel_shuffle(c, x[0], 2)) \
    CASE(250, "9x2x2", dl_pixel_shuffle(c, x[0], 3)) \
    CASE(251, "1x2x4x1x3", dl_pixel_shuffle(c, x[0], 2)) \
    CASE(252, "2x2x4x6", dl_pixel_unshuffle(c, x[0], 2)) \
    CASE(253, "1x3x6", dl_pixel_unshuffle(c, x[0], 3)) \
    CASE(254, "2x3x4x5", dl_to_nhwc(c, x[0])) \
    CASE(255, "2x4x5x3", dl_to_nchw(c, x[0])) \
    CASE(256, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.0, 1.1}, .mode = DL_NEAREST)) \
    CASE(257, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.05, 2.0}, .mode = DL_NEAREST)) \
    CASE(258, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.0, 1.1}, .mode = DL_NEAREST_EXACT)) \
    CASE(259, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.05, 2.0}, .mode = DL_NEAREST_EXACT)) \
    CASE(260, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.0, 1.1}, .mode = DL_BILINEAR)) \
    CASE(261, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.05, 2.0}, .mode = DL_BILINEAR)) \
    CASE(262, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.0, 1.1}, .mode = DL_BICUBIC)) \
    CASE(263, "1x2x8x9", dl_interpolate(c, x[0], .scale = {2.05, 2.0}, .mode = DL_BICUBIC)) \
    CASE(264, "1x2x8", dl_interpolate(c, x[0], .scale = {1.1}, .mode = DL_BILINEAR)) \
    CASE(265, "1x2x3x8x3", dl_interpolate(c, x[0], .scale = {1.5, 1.1, 1.3}, .mode = DL_BILINEAR)) \
    CASE(266, "1x2x3", dl_max_pool1d(c, x[0], 4, .stride = 2, .ceil_mode = 1)) \
    CASE(267, "1x2x3", dl_avg_pool1d(c, x[0], 6, .stride = 2, .padding = 1, .ceil_mode = 1)) \
    CASE(268, "1x2x3", dl_lp_pool1d(c, dl_abs(c, x[0]), 2, 4, .stride = 2, .ceil_mode = 1)) \
    CASE(269, "2x2x20", dl_max_pool2d(c, x[0], 5, .stride = 3, .padding = 1, .ceil_mode = 1)) \
    CASE(270, "1x2x16x16", dl_avg_pool2d(c, x[0], 17, .stride = 2, .ceil_mode = 1)) \
    CASE(271, "1x2x16x16", dl_max_pool2d(c, x[0], 17, .stride = 2, .ceil_mode = 1))
static const double golden[] = {
    49, 1.1761169434, -0.028686523438, 49.392578125, 16.500244141, 0.6572265625, 24.828125,
    225, -3.7843322754, 138.03918457, 273.88085938, -2.2902832031, 0.01904296875, 67.484375,
    138, -7.5639241536, -3.8642781576, 51.743489583, 0.92154947917, -0.088216145833, 27.020833333,
    14, 0.57671182272, 18.602755359, 36.506521396, -0.54644577281, -1.1972124424, 8.6377061236,
    6, -1.2619018555, 5.3729858398, 7.9453125, 0.69970703125, -0.74951171875, 3.1875,
    81, 2.0373382568, 1.8658447266, 52.513671875, -0.72253417969, -0.22387695312, 11.1875,
    9, 1.5143890381, -0.49517822266, 2.9111328125, -0.49755859375, 0.63793945312, 4.640625,
    27, -0.57174682617, 22.582458496, 40.861328125, 0.62622070312, 0.3134765625, 9.703125,
    36, 2.4467773438, 5.9191894531, 34.921875, 1.6669921875, -1.4990234375, 17.84375,
    152, -2.055094401, -2.9139811198, 72.587239583, 0.103515625, 3.4114583333, 119.19791667,
    18, -1.1280619303, -0.36297607422, 12.361328125, 2.2993977865, -0.53434244792, 14.515625,
    90, 4.4900665283, -0.94418334961, 43.569335938, -0.24658203125, -0.91650390625, 45,
    12, 3.5069580078, 2.9912109375, 12.6484375, 1.42578125, 1.443359375, 5.875,
    60, -0.27513066045, -1.0086850767, 4.5530960648, -0.066695601852, 0.063368055556, 4.3101851852,
    4, 1.1389845146, 6.3607120721, 11.628759649, 0.36763194358, -1.2213233753, 5.0508926799,
    16, 0.48430040148, -1.293226454, 2.7144097222, 0.080729166667, 0.43229166667, 5.875,
    240, -1.0411987305, -10.174438477, 239.421875, 7.13671875, -1.80859375, 119.96875,
    18, -1.3760545902, 26.926312688, 49.570017399, 0.30518480723, 0.40398329863, 21.367333744,
    12, -1.8934326172, -0.95434570312, 13.06640625, 3.0966796875, 0.6689453125, 5.875,
    16, 1.0693613764, 19.34621231, 35.847581767, -2.2029027677, -0.46305925904, 11.884925835,
    5, -0.83224487305, -1.7783203125, 4.865234375, 0.28247070312, 0.119140625, 1.296875,
    6, 1.2798461914, -0.88348388672, 6.26953125, 0.904296875, 0.177734375, 3.1875,
    68, 0.65819295247, -2.5783487956, 19.206380208, 1.0944010417, 0.33723958333, 18,
    24, 0.68237304688, 0.57360839844, 24.44921875, 7.787109375, -0.169921875, 11.84375,
    32, -2.5243530273, 17.907104492, 37.22265625, 1.068359375, -1.087890625, 16.15625,
    40, 0.91535949707, -3.3598937988, 19.239257812, 0.931640625, 0.658203125, 12.515625,
    72, 5.537109375, 46.352661133, 83.01171875, -1.435546875, -0.884765625, 28.3125,
    30, 1.112121582, -0.62823486328, 29.61328125, 1.3461914062, 1.0102539062, 15.3125,
    84, -0.56402587891, 71.920410156, 136.36328125, 0.662109375, -1.37890625, 26.75,
    16, -2.2343139648, -5.1651611328, 22.9765625, -0.328125, -0.0390625, 8.1875,
    12, 1.1940917969, 12.377685547, 24.375, 0.43310546875, 1.193359375, 9,
    36, 1.2278442383, 18.816894531, 36.27734375, -0.34765625, 5.341796875, 17.84375,
    48, -1.3399658203, 0.29382324219, 47.58984375, -1.67578125, 1.48828125, 23.96875,
    18, 0.0166015625, -1.7545572917, 7.43359375, 0.53515625, 0.408203125, 3.78125,
    54, 0.10184733073, -2.3495890299, 19.446614583, 0.36116536458, 0.90413411458, 11.510416667,
    5, 0.37115478516, 5.4771728516, 10.20703125, -1.08203125, -0.33935546875, 4.65625,
    44, -0.8058162644, 37.00974435, 73.531695169, 0.7475304739, 1.1642950523, 27.83601871,
    24, 0.50550460815, 0.049919128418, 4.9805501302, 0.041015625, 0.054361979167, 3.7552083333,
    68, -0.65123494466, -2.5399780273, 14.392578125, 0.43391927083, 0.3564453125, 6.125,
    930, 0.19021606445, -0.41815185547, 363.64257812, -7.615234375, -0.52734375, 187.6484375,
    18, -1.1609903971, -0.33595784505, 7.34375, 0.53108723958, -0.20784505208, 3.1041666667,
    144, 1.1107952036, 119.35832318, 230.33511487, -5.9518230714, -0.67384700173, 90.407294651,
    48, -0.34842936198, -1.5753173828, 13.166666667, -0.11382378472, -0.52311197917, 4.7048611111,
    108, -0.67651367188, 103.06225586, 200.15625, 5.12109375, 0.029296875, 22.28125,
    32, -1.8097472767, 24.633564055, 48.588096217, -3.4836739322, 0.37596178344, 18.213424298,
    18, -0.76568603516, -1.1390991211, 11.68359375, 0.97900390625, 0.00830078125, 9.3125,
    36, 0.1640625, 19.826904297, 40.984375, -1.4345703125, -0.3349609375, 11.25,
    76, 2.17578125, 39.672973633, 75.8515625, -1.6103515625, 3.7978515625, 37.875,
    4, 1.5374043783, -0.94097900391, 2.865234375, -0.92293294271, 1.1881510417, 5.0260416667,
    48, 0.054382324219, 42.294311523, 79.62109375, 2.2705078125, -3.2294921875, 23.96875,
    36, 0.56530761719, 19.79296875, 36.4140625, -1.0825195312, 0.5166015625, 17.84375,
    24, 5.0001831055, 3.3453369141, 24.84375, 0.810546875, 0.275390625, 11.84375,
    20, -1.1350199382, -0.6225789388, 4.150390625, 0.14811197917, 0.33756510417, 5.9635416667,
    198, 1.8274459839, -4.7790298462, 21.09765625, -0.1640625, -0.396484375, 21.46875,
    168, 1.3630371094, 99.663085938, 191.3125, 0.2001953125, 2.7119140625, 84.125,
    180, -0.28244018555, -1.6883544922, 56.296875, 0.052734375, 0.3984375, 41.75,
    12, 2.3871459961, 2.8061523438, 9.78515625, -1.931640625, 0.9609375, 5.71875,
    340, 1.6101074219, -3.3235677083, 157.81380208, 1.68359375, -4.1419270833, 108.97916667,
    720, -3.0342407227, 0.51025390625, 718.1953125, 239.92578125, 0.01171875, 360.1875,
    20, -1.467590332, 3.1239013672, 23.25390625, 2.3828125, 0.076171875, 10.15625,
    1, 0.53176879883, -0.15563964844, 0.830078125, -0.19018554688, -0.400390625, 0.640625,
    56, 0.91009521484, 48.789794922, 96.97265625, 4.4248046875, -0.7587890625, 28.3125,
    24, 3.1853027344, 16.640136719, 37.796875, -0.009765625, -0.841796875, 8.4375,
    180, -1.3630319489, 242.29060218, 467.79480992, -5.2508028219, -3.7167895097, 66.173993694,
    96, -3.4541625977, 79.597290039, 152.80859375, 1.1015625, -0.3359375, 15.46875,
    40, 2.5350341797, -1.4125976562, 13.561197917, 0.69303385417, -0.67545572917, 20.125,
    24, -0.1235555013, -0.41975911458, 4.2513020833, -0.042317708333, -0.23111979167, 11.84375,
    200, -0.40242004395, 1.2492218018, 63.092773438, -0.498046875, -0.46875, 44.171875,
    72, -1.5585327148, 36.338012695, 72.17578125, 2.5581054688, -2.74609375, 36.03125,
    60, -0.27130126953, 33.025268555, 76.41796875, -2.89453125, 0.990234375, 21.8125,
    54, -3.9837646484, 30.99798584, 66.03125, -2.8061523438, -2.4350585938, 27.15625,
    216, -5.4462890625, -2.2807617188, 216.03515625, -1.46875, 2.04296875, 107.84375,
    27, 2.9559427897, -0.59521484375, 9.2180989583, 1.4157714844, -0.54947916667, 7.421875,
    15, 2.9691772461, -0.66284179688, 9.32421875, -0.61474609375, 0.066650390625, 7.484375,
    9, -0.0070495605469, 7.7423095703, 13.435546875, 0.26977539062, 0.1533203125, 2.484375,
    135, 2.188873291, 54.788269043, 145.08007812, 1.6540527344, -0.51806640625, 31.890625,
    12, 3.4356689453, 37.056762695, 72.8125, 1.8603515625, -1.544921875, 35.25,
    80, -1.4229125977, 36.698242188, 86.50390625, 2.3369140625, -0.5537109375, 32.4375,
    100, -6.6566772461, -4.6668701172, 52.360677083, -0.62174479167, -2.1627604167, 60.927083333,
    96, 3.006942749, -3.2653503418, 29.698242188, -1.078125, 0.015625, 20.859375,
    3, -1.3957824707, 2.1972045898, 3.990234375, 1.0163574219, -0.32373046875, 1.484375,
    24, 0.75646972656, 15.51574707, 29.80859375, -0.08544921875, 0.39111328125, 5.28125,
    8, -3.5952758789, 3.1857910156, 12.2109375, 1.388671875, -0.404296875, 4.03125,
    24, -2.5093994141, 13.599731445, 28.62109375, 0.93408203125, -1.2299804688, 7.84375,
    4, 2.9305419922, 1.0627441406, 4.1796875, -0.431640625, 0.20703125, 2.3125,
    6, -1.1611938477, 6.0813598633, 8.9609375, -0.6064453125, -0.0126953125, 3.1875,
    30, -1.2338256836, -0.38421630859, 30.90625, 10.183105469, -0.56689453125, 15.3125,
    60, -1.2951660156, -0.24597167969, 60.89453125, 1.765625, -0.427734375, 30,
    4, 9.6532592773, 58.568481445, 107.83984375, 1.2211914062, -0.9599609375, 47.25,
    8, 0.036732991536, -0.27512613932, 1.322265625, 0.14420572917, -0.2392578125, 1.6354166667,
    8, 3.3856811523, -0.32348632812, 10.671875, 0.052734375, -0.068359375, 4.03125,
    66, 2.6091918945, -1.4321899414, 66.35546875, 22.004394531, -0.11865234375, 33.15625,
    18, -2.0068969727, -1.3677368164, 18.171875, -0.08203125, 0.619140625, 9.3125,
    4, -0.18475341797, -1.9580485026, 3.58984375, -0.18603515625, 1.4495442708, 8.28125,
    6, -1.5214233398, 5.5720825195, 8.328125, 0.77587890625, -0.73583984375, 3.1875,
    63, 2.355255127, 33.229431152, 62.876953125, 0.10668945312, 2.0922851562, 31.796875,
    4, 1.3526000977, 2.6925048828, 5.05078125, -1.5502929688, 0.24072265625, 2.3125,
    2, 0.54040527344, -0.50079345703, 3.37109375, 0.83740234375, 0.34716796875, 1.15625,
    36, -2.1128845215, -5.4711303711, 13.201171875, -0.0517578125, -0.3779296875, 11.7421875,
    50, -0.15968434241, 52.79694409, 99.449408721, -0.28925294875, -2.075354996, 15.783871632,
    6, -0.21213785807, -0.36421034071, 1.1527777778, 0.20187717014, -0.30636935764, 3.1875,
    16, -0.68090820312, 11.214355469, 19.484375, -0.88671875, -0.76953125, 5.90625,
    24, -2.3065185547, -1.5368652344, 24.46875, -1, -0.44140625, 11.84375,
    18, 1.2297414144, -1.1938069661, 5.2991536458, -0.40506998698, -0.11450195312, 3.4713541667,
    48, -1.6406860352, 17.551635742, 48.09375, -0.10400390625, -0.12353515625, 23.96875,
    80, 0.5527750651, -2.8809000651, 29.942708333, -3.390625, 1.203125, 40.770833333,
    12, 1.5953369141, 6.7315673828, 14.4609375, -0.56103515625, 1.0698242188, 4.0625,
    36, 1.1920471191, -1.5278167725, 12.983398438, -0.72216796875, -0.54052734375, 17.84375,
    6, -0.16455078125, 4.5221557617, 7.37109375, -0.19775390625, -0.21728515625, 3.1875,
    108, -6.0772705078, -3.8713378906, 108.24609375, 36.276367188, 0.3486328125, 54.28125,
    72, -1.1135253906, 71.597290039, 135.5859375, 2.7841796875, -1.7822265625, 24.34375,
    360, -3.469672309, -3.6790364583, 144.29600694, -2.2730034722, 0.21875, 63.861111111,
    18, 0.1445719401, -0.53245035807, 5.1328125, -0.12809244792, -0.35400390625, 7.1692708333,
    48, 0.57316589355, -1.753326416, 12.510742188, 0.4765625, -0.40625, 21.421875,
    25, 0.16348266602, 10.213500977, 21.892578125, -0.40698242188, 1.046875, 11.515625,
    40, 0.50701904297, 36.669799805, 68.30859375, 2.9848632812, -0.34326171875, 14.78125,
    48, -0.54803466797, 34.491333008, 65.00390625, 3.03515625, 1.38671875, 19.40625,
    2, -0.22723388672, 0.51617431641, 3.671875, 0.06103515625, -0.62451171875, 1.15625,
    120, 0.028226216634, -3.320195516, 40.420410156, -1.2978515625, 0.38639322917, 21.088541667,
    120, -3.8061218262, 2.5106811523, 110.47460938, 3.16796875, 0.5078125, 24.578125,
    54, -0.89910888672, 35.144958496, 68.1328125, 0.88134765625, -0.10693359375, 10.34375,
    12, 1.6463623047, 7.4938964844, 13.55078125, -1.1928710938, 0.91455078125, 4.15625,
    9, -1.3404846191, 6.8592529297, 11.337890625, -0.26049804688, -0.494140625, 2.515625,
    60, 1.4932759603, 2.1067504883, 16.017578125, -0.2177734375, 0.1318359375, 16.65625,
    400, -4.5195922852, -9.536895752, 153.83398437, -2.0208333333, 0.45572916667, 64.760416667,
    30, 1.0155436198, -3.4262288411, 13.619791667, 0.17903645833, 0.75846354167, 8.9166666667,
    2, 0.11645507812, -0.022018432617, 0.19140625, 0.140625, -0.140625, 1.15625,
    24, -0.20023148148, -0.53207736545, 1.4615162037, -0.060763888889, -0.11154513889, 5.1666666667,
    8, 0.3424911499, 0.036376953125, 2.2065429688, 0.0146484375, -0.2822265625, 2.265625,
    6, -1.8905029297, 0.66204833984, 6.6484375, 2.2084960938, -0.27978515625, 3.1875,
    15, -1.7039489746, 1.0012817383, 15.455078125, 4.8220214844, -0.02197265625, 7.484375,
    12, 0.10459594727, 0.23465576172, 1.572265625, 0.042100694444, 0.25030381944, 4.4125,
    180, -0.2771097819, -2.8747355143, 68.128580729, 3.037109375, 0.59244791667, 30.256510417,
    12, 0.063071659633, -0.035643441336, 0.38445172991, -0.034040178571, 0.32463727679, 4.5,
    840, 4.2463378906, 63.456787109, 118.84375, 24.501953125, 0.779296875, 35.78125,
    144, 1.1103515625, 26.587463379, 48.80078125, 12.614257812, 1.6752929688, 18.84375,
    64, 3.0264892578, 12.210205078, 20.6015625, 6.703125, 0.49609375, 9.34375,
    20, 0.37652587891, 6.0717163086, 9.26953125, 2.9375, 0.05615234375, 4.4375,
    140, -1.1157836914, 6.998840332, 13.7734375, 3.875, -0.11767578125, 5.3125,
    480, -0.46844482422, 40.29901123, 80.4921875, 16.333984375, 0.80419921875, 24.1875,
    720, 1.3311157227, 709.23815918, 1373.4101562, 6.6020507812, 1.2309570312, 29.6875,
    84, 0.048851567569, -0.32463438041, 2.1757947664, 0.023748378028, -0.40472264273, 2.9873486159,
    14, 0.033658854167, -0.046135253906, 0.46921875, -0.00203125, 0.26067708333, 1.1927083333,
    6, 0.13465270996, -0.26529541016, 0.4333984375, 0.030859375, -0.225390625, 3.1875,
    6, -0.92291259766, 6.8511352539, 11.0390625, -0.66845703125, -0.17236328125, 3.1875,
    126, 0.92883300781, 103.29901123, 197.89453125, -2.7939453125, -0.0400390625, 34.5,
    24, -2.7482910156, -4.3107910156, 24.81640625, 0.46875, 0.77734375, 11.84375,
    32, -0.68786621094, -1.3629272461, 8.2090820313, 1.546484375, -0.62998046875, 9.91171875,
    8, -0.70849609375, 1.1772460938, 9.125, 0.91015625, -0.2734375, 1.75,
    48, 1.120351431, -1.9825122499, 21.427208034, 0.06122358927, -0.32600353533, 6.1336111587,
    200, 0.52664636683, -0.41240475502, 130.86752508, -1.2780550733, -1.3086781443, 17.182484568,
    168, -1.7630504261, -2.0206113873, 118.97099905, -0.31457149621, -1.7974076705, 19.715909091,
    448, 0.50244140625, -17.381103516, 448.9375, 1.78125, 1.28125, 85.75,
    12, 0.046424865723, -0.56101989746, 1.7211914062, -0.015625, 0.087890625, 3.9375,
    15, -0.98943798828, 4.7446000977, 15.762375, -1.0329785156, 0.35883984375, 4.06375,
    72, -0.048177083333, -3.7465820312, 30.640625, 0.010416666667, -1.1419270833, 16.75,
    84, -1.1420320683, -3.4687347638, 60.633234375, -0.50885648148, 0.37466493056, 9.2650486111,
    56, 1.8546549479, -2.4245605469, 18.776041667, -0.90755208333, 0.33854166667, 12.666666667,
    24, 3.5826049805, 1.2709716797, 22.325, -0.209375, 0.04609375, 11.78125,
    56, 4.67578125, 1.1007080078, 56.875, -1.85546875, 0.765625, 14.5,
    12, -1.3467407227, -1.6112060547, 18.171875, 0.40625, 0.189453125, 5.875,
    16, 1.6030273438, -0.35290527344, 16.3359375, -0.6953125, -0.15625, 3.75,
    1536, -2.9599609375, -3.4633789062, 808.578125, 4.5, -23.5, 339,
    20, 3.7346191406, -2.8680419922, 20.4140625, -1.263671875, -0.8203125, 5.375,
    1024, -3.685546875, -10.623291016, 1024.375, -7, -1, 144,
    32, 0.23193359375, -1.2698974609, 28.96875, -0.203125, -0.65625, 8.25,
    176, -2.5606698119, -15.023602536, 124.17805844, 1.4118892947, -1.3668431128, 26.727438425,
    864, 0.089599609375, -16.988769531, 864.953125, -8.34375, 0.328125, 208.5,
    704, -4.5747070312, -31.528198242, 616.5546875, -5.5625, -2.5625, 44.75,
    32, -5.0725097656, 0.31591796875, 32.9453125, 1.53125, -0.390625, 14,
    16, 1.4125976562, -8.0183105469, 19.5625, -1.375, 1.2265625, 3,
    96, -0.0013427734375, -0.55310058594, 98.6796875, 2.1171875, 1.0703125, 30.4375,
    72, 2.392578125, 1.4288330078, 70.4921875, 1.98828125, -0.3203125, 18.25,
    12, -0.095397949219, -0.75915527344, 11.96484375, 0.96875, 0.908203125, 5.875,
    162, 0.17845153809, -5.0417480469, 106.92871094, 1.33984375, 0.197265625, 19.5546875,
    3136, -11.985240671, -33.012140854, 1475.5334535, 2.3661858974, 0.028960622711, 186.35943223,
    864, -3.3262200584, -36.317100996, 656.09768036, 10.906244642, 2.8312810785, 101.74786737,
    308, 0.36199951172, -13.408630371, 253.11328125, -0.033203125, -1.12890625, 36.203125,
    168, 0.25854492188, -2.2136230469, 93.125, 30.759765625, -1.142578125, 62.921875,
    96, 1.7202141171, -3.1612170991, 29.754603795, 0.0072544642857, 0.18619791667, 17.849702381,
    28, -0.14544448155, -1.1558091866, 11.257020321, -0.48553057343, -0.56182725241, 9.0752518679,
    2, 1.5466918945, -0.14447021484, 2.66015625, -0.05517578125, -0.45166015625, 1.15625,
    16, -3.1939086914, -2.4584960938, 10.5859375, -0.37109375, 0.48828125, 8.09375,
    72, 1.9965820312, 2.7393798828, 72.828125, -1.89453125, -0.640625, 18.25,
    108, -1.7148513794, -0.47669078686, 71.272153501, 0.62257667824, 0.88581452546, 20.949363426,
    12, -0.21331787109, -2.1348876953, 11.87109375, 0.3564453125, 0.1162109375, 2.34375,
    288, 3.3077392578, -7.4865722656, 120.359375, 0.6484375, -1.5859375, 95.421875,
    64, 8.288269043, -1.3879394531, 64.4296875, 2.6875, -0.40625, 32,
    660, 9.4172363281, -30.643676758, 656.4375, 4.71875, -0.509765625, 105.03125,
    48, -0.17740730363, -1.1500506109, 9.209745446, 0.34412866709, 1.0659677934, 13.779217156,
    4, -0.39978027344, 2.0476074219, 4.1796875, -0.07421875, 0.611328125, 2.3125,
    36, 1.02734375, 5.6724853516, 19.66015625, -1.685546875, -1.140625, 13.15625,
    16, -1.0845947266, 1.689453125, 16.3359375, 5.31640625, 0.52734375, 8.1875,
    32, 5.9362792969, -2.5720214844, 33.09765625, 5.40625, 0.859375, 16.15625,
    352, 10.047912598, -8.6778564453, 350.9296875, 7.078125, -3.546875, 70.71875,
    1152, -2.8999023438, -3.7314453125, 682.78125, -7.875, -1.125, 162,
    12, 0.73016357422, -0.57922363281, 11.7109375, 1.1953125, 0.666015625, 5.875,
    4, 3.6298828125, -0.18469238281, 6.078125, -0.7421875, 0.693359375, 2.3125,
    28, 0.5924987793, -0.57067871094, 19.611328125, -0.181640625, -0.390625, 6.71875,
    42, 4.4719238281, -1.9413452148, 41.93359375, -1.427734375, -0.44140625, 10.625,
    192, 0.16359441762, -8.2943326142, 160.15383432, 0.8119569636, -0.49184171127, 22.587605596,
    1620, -5.8053827286, 0.98727750778, 787.29507446, -4.1586914062, 0.65234375, 225.7578125,
    360, 3.5268554688, -16.875244141, 361.90625, 2.2734375, 1.63671875, 68.75,
    768, -3.2626953125, -18.078613281, 767.921875, -5.25, -0.75, 108,
    52, 0.48825646631, -2.0880262008, 15.291816285, 0.18881472001, 0.95852793818, 7.4758831522,
    256, 0.57421875, -6.0522460938, 177.1875, -1.75, -0.25, 36,
    120, -2.470703125, -3.734375, 123.625, -1.6640625, 0.05078125, 17,
    120, 0.63067626953, -5.2623901367, 79.641113281, -0.9453125, 0.09765625, 10.84375,
    120, 1.1354988543, -3.8968937546, 105.87326378, -1.0991439819, -0.15621805191, 14.952061653,
    10, 2.3211792494, -2.5767692444, 8.2043771334, -0.32716485652, 0.22029825509, 6.5078428754, -1.3015180345, 1.9432912084, 9.0325830695,
    10, -1.4461669922, 7.5014038086, 13.53515625, 1.1088867188, -1.3129882812, 3.375,
    36, 0.14618297201, -3.3473893526, 25.797467329, -0.082699263003, -0.66061427165, 10.749520571, -0.5697415366, 8.4362302608, 28.309156345,
    60, 7.1332397461, -4.1275024414, 68.712890625, 1.3073242187, 1.588671875, 11.75,
    160, 2.6453470285, -2.1843946797, 99.79789947, 0.10532257997, 0.1777846645, 35.551070623, -13.321413913, 18.74048837, 204.66378545,
    18, -1.9904988607, -3.4703979492, 18.80859375, -1.359375, 0.96809895833, 7.9375,
    6, -1.898496909, 0.44091827553, 2.9117525835, -0.091241835617, -0.026234089397, 2.4225616455, -0.40833421168, 2.4501214945, 5.5419847369,
    20, -7.2360839844, 12.783081055, 36.09375, 1.2333984375, -0.5947265625, 6.25,
    50, -1.7020733383, 3.2636091146, 42.291969959, 5.1312065404, 0.64283971359, 10.099745873, -3.6627702803, 1.4811154819, 57.757047992,
    16, -1.115234375, 10.721679688, 22.2265625, -0.44921875, 1.05078125, 2.75,
    32, -2.7310469015, 2.1853046707, 13.248832381, -0.38669169488, -0.41372522174, 12.846136848, 5.7119912899, -7.6059329009, 43.044649114,
    24, -1.8251139323, -3.2314453125, 38.546875, 0.279296875, 1.09375, 6.9583333333,
    16, 0.095512404498, -3.6727369779, 11.474516191, -0.060857454452, 0.098042048986, 10.802004696, -3.5173756437, -6.2132826279, 29.799629813,
    8, 2.6193847656, -1.4792480469, 11.390625, -0.638671875, 0.1640625, 4.625,
    8, -2.7769961355, -0.64373884116, 4.2778594096, 0.17475956195, -0.5645542058, 2.6665824056, -1.6036847417, 4.8614661282, 9.1539454646,
    6, -0.55513509115, 4.814839681, 8.12109375, 0.13590494792, -1.3419596354, 2.8020833333,
    60, 0.26543573076, -10.060569, 53.745470396, 1.3930707862, 1.0548670926, 15.688309135, 4.4256512945, -16.203896453, 75.740709842,
    16, -2.8801269531, 1.6496582031, 22.78125, 2.3515625, -1.818359375, 6,
    40, 4.6531895712, 3.4534554237, 28.008396223, 0.36440083966, -1.1366809175, 10.098377169, 2.5652821084, -1.5546963456, 17.204716114,
    16, -2.998046875, 1.90625, 22.8828125, 2.9544270833, -2.2747395833, 7.3333333333,
    20, -1.6874469849, -0.67322313935, 12.08850578, 0.58923675492, -1.2817090228, 7.3997502476, 1.3431952559, -3.4559902424, 9.3182645738,
    32, -0.12630208333, -1.2649739583, 53.40234375, 2.5546875, 1.8776041667, 10.916666667,
    18, 2.9501734767, -3.2321721404, 12.078868528, 0.41506526014, -0.029469245346, 5.6777036153, 2.7641185892, -6.9113526884, 21.316572246,
    9, -2.4398295085, -3.8955078125, 9.896484375, 0.37312825521, 0.13883463542, 3.0677083333,
    18, -2.2395019531, -2.192199707, 17.6640625, 1.7407226562, -0.74951171875, 5.21875, 0, 0, 0,
    20, -4.5381591797, 13.845263672, 27.82109375, 1.0556640625, -1.16953125, 4.2875,
    12, 0.21094502941, 1.9233122454, 8.7635099215, -0.02266637555, -0.53607187736, 6.4278958667, -0.93168026632, -1.0959747579, 2.9162219803,
    4, -0.2568359375, -2.5209960938, 5.6953125, -0.3681640625, -0.2841796875, 2.3125,
    16, -0.99060058594, -2.1989746094, 9.015625, -0.521484375, 0.078125, 1.5625, 0, 0, 0,
    4, 1.1151123047, 2.7724609375, 5.4140625, -0.7587890625, 0.138671875, 2.625,
    20, -0.81332739027, -2.594045881, 15.925446496, 0.25397232816, -0.70451622951, 7.664687184, -12.618948229, 6.4919583372, 34.286178674,
    10, -1.2709228516, 7.5055541992, 13.53515625, 0.94326171875, -1.1086914063, 2.775,
    16, -1.8047515258, -0.94780770032, 11.499386856, 0.7420925051, -0.40124946088, 4.6491470039, -2.1543211793, -0.7190465508, 16.526541263,
    8, -2.3361816406, 5.396484375, 11.11328125, 0.681640625, -1.44921875, 3.375,
    120, 0.35241580269, 4.1116100499, 53.016119896, -1.8289125298, 0.096343491574, 33.693312755, -19.944800137, -3.3425059985, 192.23172757,
    60, 10.219604492, -5.1802978516, 83.7890625, -2.3603515625, 1.46484375, 16.75,
    20, -0.12228106488, 0.7658057818, 13.489483688, -0.51229229197, -1.2162019059, 3.3576471824, -0.59541224997, 4.2875038658, 15.320600253,
    20, -7.2360839844, 12.783081055, 36.09375, 1.2333984375, -0.5947265625, 6.25,
    8, -0.46290292405, 0.20116619156, 6.7000763256, 1.0392652982, -0.52289414392, 4.6309063702, -2.1048601408, 7.2048767133, 9.9487930031,
    30, -4.3387451172, 22.28717041, 49.62890625, -3.4350585938, 0.16455078125, 7.34375,
    192, 3.0023193359, -5.5356445312, 191.98046875, 4.34375, -1.84375, 96,
    36, 11.971862793, -0.3046875, 36.4140625, 0.2919921875, -0.6240234375, 17.84375,
    24, -2.4459228516, 1.0068359375, 24.44921875, 3.298828125, 0.966796875, 11.84375,
    96, 5.9522705078, -2.0914306641, 96.47265625, -0.609375, -0.578125, 48.15625,
    18, -4.034362793, 1.3998413086, 17.9921875, 3.2514648438, 0.62841796875, 9.3125,
    120, 1.0326538086, -5.1870117188, 120.2109375, -1.677734375, -2.884765625, 60.3125,
    120, 1.7682495117, -1.8908691406, 120.2109375, -1.677734375, 2.427734375, 60.3125,
    288, -13.862304688, -8.9714355469, 287.328125, 1.640625, 1.6875, 97.75,
    576, 20.088867188, -27.766113281, 574.65625, -1.28125, 0.34375, 110.25,
    288, 0.44165039062, -3.3009033203, 288.203125, 2.265625, -0.3125, 84.25,
    576, 20.088867188, -27.766113281, 574.65625, -1.28125, 0.34375, 110.25,
    288, -10.444274902, -7.8322143555, 196.2734375, 2.8012695312, 1.1723632812, 73.03125,
    576, 8.6291325267, -23.537347561, 296.91653963, -2.4263528963, -0.7754382622, 70.157012195,
    288, 0.125490421, -6.4177485305, 210.37715322, 0.97649397302, -0.030605605632, 64.217040007,
    576, 12.334521827, -23.282171651, 430.23638561, -3.7208771952, -1.4202043498, 104.39741165,
    16, -1.0845947266, 1.689453125, 16.3359375, 5.31640625, 0.52734375, 8.1875,
    192, 0.74049886068, -1.9562174479, 170.91536458, 21.166666667, -1.5416666667, 81.364583333,
    2, 0.16052246094, 0.35394287109, 2.70703125, -0.23291015625, -0.27001953125, 1.15625,
    2, 0.21027832031, -0.044055175781, 0.3421875, 0.05322265625, 0.08720703125, 0.69375,
    2, -0.40613016658, 0.7287670403, 5.133156883, -0.92848814039, -0.210883297, 2.0001199219,
    14, -0.42816162109, 10.355041504, 21.15625, -0.80615234375, 0.24072265625, 5.90625,
    2, 0.040532827377, -0.010093688965, 0.064682006836, 0, -0.064453125, 1.15625,
    2, -0.2099609375, 0.53118896484, 3.79296875, 0.7734375, 0.154296875, 1.15625,
    0};
