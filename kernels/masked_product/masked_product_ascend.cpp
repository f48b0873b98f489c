// An image under a batch of masks on Ascend AI vector cores. The coarse masks and the tables of
// bilinear taps come in as tensors, made on the host, so that every backend has the same masks.
// Formula: README.md. Not compiled by CANN or run on an NPU yet: docs/ascend.md.
#include "ascend_share.h"
#include "kernel_operator.h"
#include "masked_product_tiling.h"

using namespace AscendC;

namespace fastxai {

class MaskedProduct {
 public:
  __aicore__ inline explicit MaskedProduct(const MaskedProductTiling& tiling) : t_(tiling) {}

  __aicore__ inline void set_masks(GM_ADDR cells, GM_ADDR shifts) {
    cells_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(cells));
    shifts_.SetGlobalBuffer(reinterpret_cast<__gm__ int32_t*>(shifts));
  }
  __aicore__ inline void set_taps(GM_ADDR rows, GM_ADDR row_weights, GM_ADDR cols,
                                  GM_ADDR col_weights) {
    rows_.SetGlobalBuffer(reinterpret_cast<__gm__ int32_t*>(rows));
    row_weights_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(row_weights));
    cols_.SetGlobalBuffer(reinterpret_cast<__gm__ int32_t*>(cols));
    col_weights_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(col_weights));
  }
  __aicore__ inline void set_images(GM_ADDR image, GM_ADDR base, GM_ADDR out) {
    image_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(image));
    base_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(base));
    out_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(out));
  }

  __aicore__ inline void run() {
    make_buffers();
    const uint64_t tiles = static_cast<uint64_t>(pieces(t_.channels, t_.tile_channels)) *
                           pieces(t_.rows, t_.tile_rows) * pieces(t_.cols, t_.tile_cols);
    const Share share = share_of(tiles * t_.masks);
    if (share.first == share.last) return;
    load_mask(item_at(share.first));
    for (uint64_t k = share.first; k < share.last; ++k) {
      const Item item = item_at(k);
      const bool new_tile = k == share.first || item.mask == 0;
      if (k + 1 < share.last) load_mask(item_at(k + 1));  // while this one is computed
      if (new_tile) load_image(item, k != share.first);
      one_item(item);
    }
    release();
  }

 private:
  // One tile under one mask.
  struct Item {
    uint32_t mask;
    uint32_t channel, channels;
    uint32_t row, rows;
    uint32_t col, cols;
    uint32_t pitch;  // floats from row to row in the unified buffer
  };

  __aicore__ static inline uint32_t pieces(uint32_t axis, uint32_t tile) {
    return (axis + tile - 1) / tile;
  }

  __aicore__ inline void make_buffers() {
    const uint32_t pitch = whole_lanes(t_.tile_cols) * sizeof(float);
    const uint32_t plane = pitch * t_.tile_rows;
    pipe_.InitBuffer(image_in_, 1, plane * t_.tile_channels);
    if (t_.base_picture != 0) pipe_.InitBuffer(base_in_, 1, plane * t_.tile_channels);
    pipe_.InitBuffer(cells_in_, 2, whole_lanes(t_.tile_cells) * sizeof(float));
    pipe_.InitBuffer(taps_in_, 2, 4 * pitch);
    pipe_.InitBuffer(batch_out_, 2, plane);
    pipe_.InitBuffer(expanded_, 2 * pitch);
    pipe_.InitBuffer(gathered_, 2 * pitch);
    pipe_.InitBuffer(mask_, plane);
    pipe_.InitBuffer(rest_, plane);
    pipe_.InitBuffer(term_, plane);
  }

  // Tile by tile, all masks of one before the next: a tile of the image is loaded once.
  __aicore__ inline Item item_at(uint64_t index) {
    Item item;
    item.mask = static_cast<uint32_t>(index % t_.masks);
    auto tile = static_cast<uint32_t>(index / t_.masks);
    const uint32_t col_tiles = pieces(t_.cols, t_.tile_cols);
    const uint32_t row_tiles = pieces(t_.rows, t_.tile_rows);
    item.col = tile % col_tiles * t_.tile_cols;
    tile /= col_tiles;
    item.row = tile % row_tiles * t_.tile_rows;
    item.channel = tile / row_tiles * t_.tile_channels;
    item.cols = smaller(t_.tile_cols, t_.cols - item.col);
    item.rows = smaller(t_.tile_rows, t_.rows - item.row);
    item.channels = smaller(t_.tile_channels, t_.channels - item.channel);
    item.pitch = whole_lanes(item.cols);
    return item;
  }

  __aicore__ inline void load_image(const Item& item, bool again) {
    if (again) release();
    pixels_ = loaded(item, image_, image_in_);
    if (t_.base_picture != 0) hidden_ = loaded(item, base_, base_in_);
  }
  __aicore__ inline void release() {
    image_in_.FreeTensor(pixels_);
    if (t_.base_picture != 0) base_in_.FreeTensor(hidden_);
  }

  // The tile of a picture [C, H, W].
  __aicore__ inline LocalTensor<float> loaded(const Item& item, const GlobalTensor<float>& source,
                                              TQue<QuePosition::VECIN, 1>& queue) {
    LocalTensor<float> pixels = queue.AllocTensor<float>();
    const uint32_t gap = (t_.cols - item.cols) * sizeof(float);
    for (uint32_t c = 0; c < item.channels; ++c) {
      const uint64_t at =
          (static_cast<uint64_t>(item.channel + c) * t_.rows + item.row) * t_.cols + item.col;
      DataCopyPad(pixels[c * item.rows * item.pitch], source[at],
                  rows_of(item.rows, item.cols, gap, 0), zeros_after<float>(item.cols));
    }
    queue.EnQue(pixels);
    return queue.DeQue<float>();
  }

  // First and last coarse row under the tile.
  __aicore__ inline uint32_t first_cell_row(const Item& item) {
    const int32_t shift = shifts_.GetValue(2 * static_cast<uint64_t>(item.mask));
    return static_cast<uint32_t>(rows_.GetValue(item.row + shift));
  }
  __aicore__ inline uint32_t last_cell_row(const Item& item) {
    const int32_t shift = shifts_.GetValue(2 * static_cast<uint64_t>(item.mask));
    return static_cast<uint32_t>(rows_.GetValue(t_.up_rows + item.row + item.rows - 1 + shift));
  }

  // A column's shift is a place in device memory, where any is allowed: in the unified buffer it
  // would not be aligned.
  __aicore__ inline void load_mask(const Item& item) {
    const uint32_t first = first_cell_row(item);
    const uint32_t floats = (last_cell_row(item) - first + 1) * t_.grid_cols;
    LocalTensor<float> cells = cells_in_.AllocTensor<float>();
    const uint64_t at = (static_cast<uint64_t>(item.mask) * t_.grid_rows + first) * t_.grid_cols;
    DataCopyPad(cells, cells_[at], rows_of(1, floats, 0, 0), {false, 0, 0, 0});
    cells_in_.EnQue(cells);

    const int32_t shift = shifts_.GetValue(2 * static_cast<uint64_t>(item.mask) + 1);
    const uint32_t gap = (t_.up_cols - item.cols) * sizeof(float);
    const DataCopyExtParams both = rows_of(2, item.cols, gap, 0);
    LocalTensor<int32_t> taps = taps_in_.AllocTensor<int32_t>();
    DataCopyPad(taps, cols_[item.col + shift], both, zeros_after<int32_t>(item.cols));
    LocalTensor<float> weights = taps[2 * item.pitch].ReinterpretCast<float>();
    DataCopyPad(weights, col_weights_[item.col + shift], both, zeros_after<float>(item.cols));
    taps_in_.EnQue(taps);
  }

  __aicore__ inline void one_item(const Item& item) {
    LocalTensor<float> cells = cells_in_.DeQue<float>();
    LocalTensor<int32_t> taps = taps_in_.DeQue<int32_t>();
    make_mask(item, cells, taps);
    cells_in_.FreeTensor(cells);
    taps_in_.FreeTensor(taps);
    for (uint32_t c = 0; c < item.channels; ++c) blend(item, c);
  }

  // mask_ = the tile of the enlarged mask, rest_ = 1 - mask_.
  __aicore__ inline void make_mask(const Item& item, const LocalTensor<float>& cells,
                                   const LocalTensor<int32_t>& taps) {
    LocalTensor<float> mask = mask_.Get<float>();
    LocalTensor<float> rest = rest_.Get<float>();
    LocalTensor<float> expanded = expanded_.Get<float>();
    const int32_t first = static_cast<int32_t>(first_cell_row(item));
    const int32_t shift = shifts_.GetValue(2 * static_cast<uint64_t>(item.mask));
    const auto pitch = static_cast<int32_t>(item.pitch);
    int32_t held[2] = {-1, -1};  // coarse rows in expanded_, even and odd
    for (uint32_t r = 0; r < item.rows; ++r) {
      const uint64_t y = item.row + r + shift;
      const int32_t low = rows_.GetValue(y) - first;
      const int32_t high = rows_.GetValue(t_.up_rows + y) - first;
      expand(item, low, held, cells, taps);
      expand(item, high, held, cells, taps);
      Muls(mask[r * item.pitch], expanded[low % 2 * pitch], row_weights_.GetValue(y), pitch);
      Muls(rest[r * item.pitch], expanded[high % 2 * pitch], row_weights_.GetValue(t_.up_rows + y),
           pitch);
    }
    const int32_t lanes = static_cast<int32_t>(item.rows) * pitch;
    PipeBarrier<PIPE_V>();
    Add(mask, mask, rest, lanes);
    PipeBarrier<PIPE_V>();
    Muls(rest, mask, -1.0f, lanes);
    PipeBarrier<PIPE_V>();
    Adds(rest, rest, 1.0f, lanes);
    PipeBarrier<PIPE_V>();
  }

  // Coarse row `row` of the loaded ones along the columns: low * (1 - weight) + high * weight.
  __aicore__ inline void expand(const Item& item, int32_t row, int32_t* held,
                                const LocalTensor<float>& cells, const LocalTensor<int32_t>& taps) {
    if (held[row % 2] == row) return;
    held[row % 2] = row;
    const auto pitch = static_cast<int32_t>(item.pitch);
    const uint32_t from = static_cast<uint32_t>(row) * t_.grid_cols * sizeof(float);
    LocalTensor<float> expanded = expanded_.Get<float>();
    LocalTensor<float> low = gathered_.Get<float>();
    LocalTensor<float> high = low[item.pitch];
    LocalTensor<uint32_t> offsets = taps.ReinterpretCast<uint32_t>();
    LocalTensor<float> weights = taps[2 * item.pitch].ReinterpretCast<float>();
    PipeBarrier<PIPE_V>();
    Gather(low, cells, offsets, from, item.pitch);
    Gather(high, cells, offsets[item.pitch], from, item.pitch);
    PipeBarrier<PIPE_V>();
    Mul(low, low, weights, pitch);
    Mul(high, high, weights[item.pitch], pitch);
    PipeBarrier<PIPE_V>();
    Add(expanded[row % 2 * pitch], low, high, pitch);
    PipeBarrier<PIPE_V>();
  }

  // out = x m + base (1 - m), one channel of the tile.
  __aicore__ inline void blend(const Item& item, uint32_t c) {
    const uint32_t plane = item.rows * item.pitch;
    const auto lanes = static_cast<int32_t>(plane);
    LocalTensor<float> out = batch_out_.AllocTensor<float>();
    LocalTensor<float> term = term_.Get<float>();
    Mul(out, pixels_[c * plane], mask_.Get<float>(), lanes);
    if (t_.base_picture != 0) {
      Mul(term, rest_.Get<float>(), hidden_[c * plane], lanes);
    } else {
      Muls(term, rest_.Get<float>(), base_.GetValue(item.channel + c), lanes);
    }
    PipeBarrier<PIPE_V>();
    Add(out, out, term, lanes);
    PipeBarrier<PIPE_V>();
    batch_out_.EnQue(out);
    out = batch_out_.DeQue<float>();
    const uint64_t copy = static_cast<uint64_t>(item.mask) * t_.channels + item.channel + c;
    const uint64_t at = (copy * t_.rows + item.row) * t_.cols + item.col;
    const uint32_t gap = (t_.cols - item.cols) * sizeof(float);
    DataCopyPad(out_[at], out, rows_of(item.rows, item.cols, 0, gap));
    batch_out_.FreeTensor(out);
  }

  MaskedProductTiling t_;
  TPipe pipe_;
  TQue<QuePosition::VECIN, 1> image_in_;    // [tile channels, tile rows, pitch]
  TQue<QuePosition::VECIN, 1> base_in_;     // the same, where the base is a picture
  TQue<QuePosition::VECIN, 2> cells_in_;    // [coarse rows, w]
  TQue<QuePosition::VECIN, 2> taps_in_;     // byte offsets [2, pitch], weights [2, pitch]
  TQue<QuePosition::VECOUT, 2> batch_out_;  // [tile rows, pitch]
  TBuf<TPosition::VECCALC> expanded_;       // [2, pitch]
  TBuf<TPosition::VECCALC> gathered_;       // [2, pitch]
  TBuf<TPosition::VECCALC> mask_;           // [tile rows, pitch]
  TBuf<TPosition::VECCALC> rest_;           // [tile rows, pitch]
  TBuf<TPosition::VECCALC> term_;           // [tile rows, pitch]
  LocalTensor<float> pixels_;               // what image_in_ holds
  LocalTensor<float> hidden_;               // and base_in_

  GlobalTensor<float> image_;        // [C, H, W]
  GlobalTensor<float> base_;         // [C] or [C, H, W]
  GlobalTensor<float> cells_;        // [M, h, w] 0 or 1
  GlobalTensor<int32_t> shifts_;     // [M, 2] rows, columns
  GlobalTensor<int32_t> rows_;       // [2, up rows] cell above, cell below
  GlobalTensor<float> row_weights_;  // [2, up rows] theirs
  GlobalTensor<int32_t> cols_;       // [2, up columns] cell to the left and right, in bytes
  GlobalTensor<float> col_weights_;  // [2, up columns]
  GlobalTensor<float> out_;          // [M, C, H, W]
};

}  // namespace fastxai

extern "C" __global__ __aicore__ void fastxai_masked_product(
    GM_ADDR image, GM_ADDR base, GM_ADDR cells, GM_ADDR shifts, GM_ADDR rows, GM_ADDR row_weights,
    GM_ADDR cols, GM_ADDR col_weights, GM_ADDR out, GM_ADDR workspace, GM_ADDR tiling) {
  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
  GET_TILING_DATA(tiling_data, tiling);
  (void)workspace;  // CANN knows the parameter by its name
  const auto values = fastxai::tiling_of<fastxai::MaskedProductTiling>(tiling_data.words);
  fastxai::MaskedProduct op(values);
  op.set_masks(cells, shifts);
  op.set_taps(rows, row_weights, cols, col_weights);
  op.set_images(image, base, out);
  op.run();
}
