// Where the first of the highest logits is, for sampling at temperature 0: of each stretch of them a candidate, its
// bits and its place. Infinity without a place (-1) tells of a stretch that holds NaN or infinity.
#define CHOICE_ITEMS 128
#define STRETCH 2048

KERNEL(CHOICE_ITEMS) most_likely(__global int2 *candidates, __global const float *logits, int count) {
  __local float most[CHOICE_ITEMS];
  __local int places[CHOICE_ITEMS];
  const int item = get_local_id(0), start = get_group_id(0) * STRETCH, end = min(start + STRETCH, count);
  float best = -INFINITY;
  int place = count;
  for (int i = start + item; i < end; i += CHOICE_ITEMS) {
    const float x = logits[i];
    if (!isfinite(x)) {
      best = INFINITY;
      place = -1;
    } else if (x > best) {
      best = x;
      place = i;
    }
  }
  most[item] = best;
  places[item] = place;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_of = CHOICE_ITEMS / 2; half_of > 0; half_of /= 2) {
    const int other = item + half_of;
    if (item < half_of && (most[other] > most[item] || (most[other] == most[item] && places[other] < places[item]))) {
      most[item] = most[other];
      places[item] = places[other];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (item == 0) candidates[get_group_id(0)] = (int2)(as_int(most[0]), places[0]);
}
