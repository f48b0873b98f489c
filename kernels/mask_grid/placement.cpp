#include <utility>

#include "mask_grid.h"

namespace fastxai {

namespace {

constexpr int kColumns = 127;
constexpr int kMostNear = 24;            // cells up to sqrt(8) away
constexpr int64_t kFirstThreshold = 60;  // of a move's cost; falls to 0 in a straight line

struct Pair {
  int other;
  int64_t weight;
};

int64_t weight_of(int64_t squared_distance) {
  switch (squared_distance) {
    case 1:
      return 100;
    case 2:
      return 60;
    case 4:
      return 25;
    case 5:
      return 15;
    case 8:
      return 8;
    default:
      return 0;
  }
}

// The near cells of every cell.
struct Neighbours {
  Neighbours(int64_t rows, int64_t cols);

  int counts[kColumns] = {};
  Pair pairs[kColumns][kMostNear];
};

Neighbours::Neighbours(int64_t rows, int64_t cols) {
  for (int64_t a = 0; a < rows * cols; ++a) {
    for (int64_t b = 0; b < rows * cols; ++b) {
      const int64_t down = a / cols - b / cols;
      const int64_t right = a % cols - b % cols;
      const int64_t weight = weight_of(down * down + right * right);
      if (weight != 0) pairs[a][counts[a]++] = {static_cast<int>(b), weight};
    }
  }
}

// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
class Generator {
 public:
  int below(int range) {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<int>((z >> 32) * static_cast<uint64_t>(range) >> 32);
  }

 private:
  uint64_t state_ = 0;
};

// Columns 1..127 in 127 slots, those of the cells first, and the weights that meet in each column.
class Placement {
 public:
  Placement(int64_t rows, int64_t cols) : near_(rows, cols), cells_(static_cast<int>(rows * cols)) {
    for (int slot = 0; slot < kColumns; ++slot) slots_[slot] = slot + 1;
    for (int cell = 0; cell < cells_; ++cell) used_[slots_[cell]] = true;
    for (int cell = 0; cell < cells_; ++cell) add(cell, -1, +1);
    for (int64_t& weight : met_) weight /= 2;  // every pair came from both of its cells
    for (int c = 0; c <= kColumns; ++c) cost_ += used_[c] ? met_[c] : 0;
  }

  int64_t cost() const { return cost_; }
  int column(int cell) const { return slots_[cell]; }

  // Exchanges the columns of a cell and of another cell or a free slot; the same call undoes it.
  void exchange(int cell, int slot) {
    const bool both = slot < cells_;
    add(cell, -1, -1);
    if (both) add(slot, cell, -1);
    if (!both) use(slots_[cell], false);
    std::swap(slots_[cell], slots_[slot]);
    if (!both) use(slots_[cell], true);
    add(cell, -1, +1);
    if (both) add(slot, cell, +1);
  }

 private:
  // The pairs of a cell, but the one with `without`.
  void add(int cell, int without, int sign) {
    for (int k = 0; k < near_.counts[cell]; ++k) {
      const Pair& pair = near_.pairs[cell][k];
      if (pair.other == without) continue;
      const int column = slots_[cell] ^ slots_[pair.other];
      met_[column] += sign * pair.weight;
      if (used_[column]) cost_ += sign * pair.weight;
    }
  }

  void use(int column, bool used) {
    used_[column] = used;
    cost_ += used ? met_[column] : -met_[column];
  }

  Neighbours near_;
  int cells_;
  int slots_[kColumns];
  bool used_[kColumns + 1] = {};
  int64_t met_[kColumns + 1] = {};
  int64_t cost_ = 0;
};

}  // namespace

void place_columns(int64_t rows, int64_t cols, int64_t moves, uint8_t* columns) {
  Placement placement(rows, cols);
  const int cells = static_cast<int>(rows * cols);
  const auto keep = [&] {
    for (int k = 0; k < cells; ++k) columns[k] = static_cast<uint8_t>(placement.column(k));
  };
  keep();
  int64_t best = placement.cost();
  Generator random;
  for (int64_t move = 0; move < moves; ++move) {
    const int cell = random.below(cells);
    const int slot = random.below(kColumns);
    if (cell == slot) continue;
    const int64_t before = placement.cost();
    placement.exchange(cell, slot);
    if (placement.cost() - before > kFirstThreshold * (moves - move) / moves) {
      placement.exchange(cell, slot);
    } else if (placement.cost() < best) {
      best = placement.cost();
      keep();
    }
  }
}

}  // namespace fastxai
