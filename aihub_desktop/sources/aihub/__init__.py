"""AI Hub (aihub.or.kr): its lists, trees and streams."""
