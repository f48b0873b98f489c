// Windows of an image covered one at a time on Ascend AI cores: copies alone, no arithmetic. What
// lies above, below, left and right of a window and the window itself are written apart, so that no
// byte is written twice and no copy waits for another. Formula: README.md.
// Not compiled by CANN or run on an NPU yet: docs/ascend.md.
#include "ascend_share.h"
#include "kernel_operator.h"
#include "occlusion_tiling.h"

using namespace AscendC;

namespace fastxai {

class OcclusionFill {
 public:
  __aicore__ inline explicit OcclusionFill(const OcclusionTiling& tiling) : t_(tiling) {}

  __aicore__ inline void set_inputs(GM_ADDR image, GM_ADDR base, GM_ADDR windows,
                                    GM_ADDR geometry) {
    image_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(image));
    base_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(base));
    windows_.SetGlobalBuffer(reinterpret_cast<__gm__ int64_t*>(windows));
    geometry_.SetGlobalBuffer(reinterpret_cast<__gm__ int64_t*>(geometry));
  }
  __aicore__ inline void set_output(GM_ADDR out) {
    out_.SetGlobalBuffer(reinterpret_cast<__gm__ float*>(out));
  }

  __aicore__ inline void run() {
    const uint32_t plane = whole_lanes(t_.tile_cols) * t_.tile_rows * sizeof(float);
    pipe_.InitBuffer(image_in_, 1, plane);
    pipe_.InitBuffer(part_, 2, plane);
    if (t_.base_picture == 0) pipe_.InitBuffer(cover_, 1, plane);
    const uint64_t tiles = static_cast<uint64_t>(t_.channels) * pieces(t_.rows, t_.tile_rows) *
                           pieces(t_.cols, t_.tile_cols);
    const Share share = share_of(tiles * t_.images);
    if (share.first == share.last) return;
    for (uint64_t k = share.first; k < share.last; ++k) {
      const auto image = static_cast<uint32_t>(k % t_.images);
      if (k == share.first || image == 0) {
        if (k != share.first) release();
        load(tile_at(static_cast<uint32_t>(k / t_.images)));
      }
      one_image(image);
    }
    release();
  }

 private:
  struct Tile {
    uint32_t channel;
    uint32_t row, rows;
    uint32_t col, cols;
    uint32_t pitch;  // floats from row to row in the unified buffer
  };
  // Of a tile, rows top .. bottom - 1 and columns left .. right - 1; empty: nothing covered.
  struct Window {
    uint32_t top, bottom;
    uint32_t left, right;
  };

  __aicore__ static inline uint32_t pieces(uint32_t axis, uint32_t tile) {
    return (axis + tile - 1) / tile;
  }

  __aicore__ inline Tile tile_at(uint32_t index) {
    const uint32_t col_tiles = pieces(t_.cols, t_.tile_cols);
    const uint32_t row_tiles = pieces(t_.rows, t_.tile_rows);
    Tile tile;
    tile.col = index % col_tiles * t_.tile_cols;
    tile.row = index / col_tiles % row_tiles * t_.tile_rows;
    tile.channel = index / col_tiles / row_tiles;
    tile.cols = smaller(t_.tile_cols, t_.cols - tile.col);
    tile.rows = smaller(t_.tile_rows, t_.rows - tile.row);
    tile.pitch = whole_lanes(tile.cols);
    return tile;
  }

  // The tile and as much of a base level, for all images to come.
  __aicore__ inline void load(const Tile& tile) {
    tile_ = tile;
    const uint64_t at =
        (static_cast<uint64_t>(tile.channel) * t_.rows + tile.row) * t_.cols + tile.col;
    pixels_ = image_in_.AllocTensor<float>();
    DataCopyPad(pixels_, image_[at], rows_of(tile.rows, tile.cols, gap(tile.cols), 0),
                {false, 0, 0, 0});
    image_in_.EnQue(pixels_);
    pixels_ = image_in_.DeQue<float>();
    if (t_.base_picture != 0) return;
    covered_ = cover_.AllocTensor<float>();
    Duplicate(covered_, base_.GetValue(tile.channel), static_cast<int32_t>(tile.rows * tile.pitch));
    cover_.EnQue(covered_);
    covered_ = cover_.DeQue<float>();
  }
  __aicore__ inline void release() {
    image_in_.FreeTensor(pixels_);
    if (t_.base_picture == 0) cover_.FreeTensor(covered_);
  }

  // Bytes from the end of `cols` columns of a row to their place in the next.
  __aicore__ inline uint32_t gap(uint32_t cols) {
    return (t_.cols - cols) * static_cast<uint32_t>(sizeof(float));
  }

  __aicore__ static inline uint32_t inside(int64_t at, uint32_t origin, uint32_t size) {
    const int64_t local = at - static_cast<int64_t>(origin);
    if (local < 0) return 0;
    return local > static_cast<int64_t>(size) ? size : static_cast<uint32_t>(local);
  }

  __aicore__ inline Window window_of(uint32_t image) {
    const int64_t index = windows_.GetValue(image);
    const int64_t window_rows = geometry_.GetValue(0);
    const int64_t window_cols = geometry_.GetValue(1);
    const int64_t grid_rows = (t_.rows - window_rows) / geometry_.GetValue(2) + 1;
    const int64_t grid_cols = (t_.cols - window_cols) / geometry_.GetValue(3) + 1;
    if (index < 0 || index >= grid_rows * grid_cols) return {0, 0, 0, 0};
    const int64_t top = index / grid_cols * geometry_.GetValue(2);
    const int64_t left = index % grid_cols * geometry_.GetValue(3);
    const Window window = {
        inside(top, tile_.row, tile_.rows), inside(top + window_rows, tile_.row, tile_.rows),
        inside(left, tile_.col, tile_.cols), inside(left + window_cols, tile_.col, tile_.cols)};
    if (window.top == window.bottom || window.left == window.right) return {0, 0, 0, 0};
    return window;
  }

  __aicore__ inline void one_image(uint32_t image) {
    const Window w = window_of(image);
    const uint64_t copy = static_cast<uint64_t>(image) * t_.channels + tile_.channel;
    const uint64_t at = (copy * t_.rows + tile_.row) * t_.cols + tile_.col;
    const uint32_t cols = tile_.cols;
    const uint32_t height = w.bottom - w.top;
    const uint64_t band = at + static_cast<uint64_t>(w.top) * t_.cols;
    // Above and below.
    DataCopyPad(out_[at], pixels_, rows_of(w.top, cols, 0, gap(cols)));
    DataCopyPad(out_[at + static_cast<uint64_t>(w.bottom) * t_.cols],
                pixels_[w.bottom * tile_.pitch],
                rows_of(tile_.rows - w.bottom, cols, 0, gap(cols)));
    if (height == 0) return;
    const uint32_t skip = (tile_.pitch - whole_lanes(w.left)) / kLanes;
    DataCopyPad(out_[band], pixels_[w.top * tile_.pitch],
                rows_of(height, w.left, skip, gap(w.left)));
    const uint32_t width = w.right - w.left;
    if (t_.base_picture != 0) {
      copy_columns(base_, w, w.left, w.right, band);
    } else {
      DataCopyPad(out_[band + w.left], covered_, rows_of(height, width, 0, gap(width)));
    }
    if (w.right < cols) copy_columns(image_, w, w.right, cols, band);
  }

  // Columns begin .. end - 1 of the window's rows, which do not begin on a block: they are loaded
  // again.
  __aicore__ inline void copy_columns(const GlobalTensor<float>& source, const Window& w,
                                      uint32_t begin, uint32_t end, uint64_t band) {
    const uint32_t cols = end - begin;
    const uint32_t height = w.bottom - w.top;
    const uint64_t row = static_cast<uint64_t>(tile_.channel) * t_.rows + tile_.row + w.top;
    LocalTensor<float> part = part_.AllocTensor<float>();
    DataCopyPad(part, source[row * t_.cols + tile_.col + begin],
                rows_of(height, cols, gap(cols), 0), {false, 0, 0, 0});
    part_.EnQue(part);
    part = part_.DeQue<float>();
    DataCopyPad(out_[band + begin], part, rows_of(height, cols, 0, gap(cols)));
    part_.FreeTensor(part);
  }

  OcclusionTiling t_;
  TPipe pipe_;
  TQueBind<QuePosition::VECIN, QuePosition::VECOUT, 1> image_in_;  // [tile rows, pitch]
  TQueBind<QuePosition::VECIN, QuePosition::VECOUT, 1> part_;      // [height, pitch]
  TQue<QuePosition::VECOUT, 1> cover_;                             // [tile rows, pitch]
  LocalTensor<float> pixels_;                                      // what image_in_ holds
  LocalTensor<float> covered_;                                     // what cover_ holds, of a level
  Tile tile_;

  GlobalTensor<float> image_;       // [C, H, W]
  GlobalTensor<float> base_;        // [C] or [C, H, W]
  GlobalTensor<int64_t> windows_;   // [M] numbers of windows, row-major; outside: nothing covered
  GlobalTensor<int64_t> geometry_;  // [4] rows and columns of a window, row and column stride
  GlobalTensor<float> out_;         // [M, C, H, W]
};

}  // namespace fastxai

extern "C" __global__ __aicore__ void fastxai_occlusion_fill(GM_ADDR image, GM_ADDR base,
                                                             GM_ADDR windows, GM_ADDR geometry,
                                                             GM_ADDR out, GM_ADDR workspace,
                                                             GM_ADDR tiling) {
  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
  GET_TILING_DATA(tiling_data, tiling);
  (void)workspace;  // CANN knows the parameter by its name
  const auto values = fastxai::tiling_of<fastxai::OcclusionTiling>(tiling_data.words);
  fastxai::OcclusionFill op(values);
  op.set_inputs(image, base, windows, geometry);
  op.set_output(out);
  op.run();
}
