package digit

import "testing"

// A picture of paper with one pixel of ink.
func drawn(paper, dark byte) []byte {
	picture := append([]byte{}, header...)
	for range Side * Side {
		picture = append(picture, paper)
	}
	picture[len(header)+7] = dark
	return picture
}

func TestPaperIsZeroAndInkIsOneInAnyLight(t *testing.T) {
	for _, light := range [][2]byte{{255, 0}, {90, 40}} {
		ink, ok := Ink(drawn(light[0], light[1]))
		if !ok || ink[7] != 1 || ink[8] != 0 {
			t.Errorf("light %v: %v, %v", light, ok, ink)
		}
	}
}

func TestOtherPicturesAreRefused(t *testing.T) {
	whole := drawn(200, 10)
	other := append([]byte("P2"), whole[2:]...)
	for _, picture := range [][]byte{nil, whole[:len(whole)-1], other} {
		if _, ok := Ink(picture); ok {
			t.Errorf("taken: %q", picture)
		}
	}
}

func TestTheHighestScoreIsTheDigit(t *testing.T) {
	if best, score := Best([]float32{0.1, 0, 0.7, 0.2}); best != 2 || score != 0.7 {
		t.Errorf("%d, %v", best, score)
	}
}
